// One run of the collector, from a pinned target to a closed archive.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collector/analysis/finding.h"
#include "collector/archive/raw_store.h"
#include "collector/archive/redaction.h"
#include "collector/archive/writer.h"
#include "collector/cli/options.h"
#include "collector/cli/progress.h"
#include "collector/cli/signals.h"
#include "collector/collectors/runner.h"
#include "collector/report/runbook.h"
#include "collector/target/identity.h"

namespace ec {

class CollectRun : private RunnerListener {
 public:
  CollectRun(const CollectRequest& request, TargetIdentity target, RunbookShelf shelf,
             std::unique_ptr<ArchiveWriter> writer, std::string no_archive_reason);

  // Collects, prints the page, closes the archive. Gives the exit code.
  int execute(const SignalPipe& signals);
  // Of the archive as it is now; after execute() its final name.
  std::string archive_path() const { return writer_->path(); }

 private:
  void artifact(ArtifactRow row, std::string bytes, Redact redact) override;
  void progress(const Collector& collector, Reading reading, Progress progress) override;

  void describe_run();
  void start_collectors();
  void wait_for(const SignalPipe& signals, const std::function<bool()>& enough);
  void note_death();
  void read_kernel_log_again();
  void gather_death_evidence();
  void analyse_now();
  void read_baseline();
  void show_first_page();
  void store_derived();
  void read_rates_once_more(const SignalPipe& signals);
  void store(std::string path, std::string source, std::string_view bytes, Importance importance);
  int close();
  int leave(const std::string& archive_path, bool complete);
  void say(const std::string& line) const;  // to standard error
  double since_start_ms() const;

  const CollectRequest& request_;
  TargetIdentity target_;
  RunbookShelf shelf_;
  std::unique_ptr<ArchiveWriter> writer_;
  std::string no_archive_reason_;  // why there is no archive; "" = there is one
  Clock::time_point started_;
  Deadline deadline_;
  Redactor redactor_;
  ProgressPrinter progress_;
  Runner runner_;
  RawStore raw_;
  Snapshot snapshot_;
  std::vector<Finding> findings_;
  std::optional<std::pair<Snapshot, std::vector<Finding>>> shown_;  // what the first page was made of
  Clock::time_point fast_part_ended_{};
};

// The one folder inside the archive, and the stem of its file name. Only letters, digits, '.', '_' and '-' of the names
// stay.
std::string archive_folder(std::string_view host, std::string_view comm, int pid, int64_t wall_ns);

}  // namespace ec
