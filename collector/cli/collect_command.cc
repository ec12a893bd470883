#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <new>

#include "collector/base/write_file.h"
#include "collector/cli/collect_run.h"
#include "collector/cli/commands.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/find_target.h"
#include "collector/cli/own_process.h"
#include "collector/cli/print.h"
#include "collector/cli/signals.h"
#include "collector/cli/terminal.h"
#include "collector/collectors/core.h"

namespace ec {

namespace {

// Stands in when the destination is full from the start: the page is still worth having.
class NoArchive : public ArchiveWriter {
 public:
  Result<void> add(ArtifactRow& row, std::string_view, Importance) override {
    rows_.push_back(row);
    return {};
  }
  void checkpoint() override {}
  const std::vector<ArtifactRow>& rows() const override { return rows_; }
  Result<void> finish(std::string_view) override { return {}; }
  std::string path() const override { return {}; }

 private:
  std::vector<ArtifactRow> rows_;
};

constexpr int kNamesDeadlineSeconds = 120;

pid_t g_parent = 0;
bool g_no_archive = false;
std::string g_last_words;

// A helper that runs out of memory costs what it was reading; when we do, what is on disk is all there will be.
[[noreturn]] void on_terminate() {
  try {
    if (getpid() == g_parent && std::current_exception()) std::rethrow_exception(std::current_exception());
  } catch (const std::bad_alloc&) {
    write_all(STDERR_FILENO, g_last_words);
    _exit(g_no_archive ? kNothingCollected : kPartialArchive);
  } catch (...) {
  }
  std::abort();
}

// The evidence is stored: what names cost now costs no evidence.
void add_names(const CollectRequest& request, const std::string& archive) {
  SymbolizeArchiveRequest names;
  names.archive = archive;
  names.debug_directories = request.run.debug_directories;
  names.debuginfod = request.debuginfod;
  names.deadline_seconds = kNamesDeadlineSeconds;
  (void)run_command(names);  // it says by itself what came of it; the first archive is as good as it was
}

// Without -o the archive is written in the store from the start. A store that cannot be had costs no archive.
void write_into_store(CollectRequest& request) {
  if (!request.keep || request.output != ".") return;
  std::string directory = request.store.empty() ? default_store_directory() : request.store;
  if (auto store = ArchiveStore::open(directory, true); store)
    request.output = directory + "/";
  else
    complain(fmt::format("{}; the archive goes to the current directory", store.error().message()));
}

void keep(const CollectRequest& request, const std::string& archive) {
  auto store = ArchiveStore::open(request.store.empty() ? default_store_directory() : request.store, true);
  if (!store) return complain(store.error());
  if (request.output != ".")
    if (auto name = store->put(archive); !name) complain(fmt::format("the store: {}", name.error().message()));
  if (auto removed = store->collect_garbage({}, wall_clock_ns(), false);
      !removed && removed.error().code != ErrorCode::kSkipped)
    complain(fmt::format("the store: {}", removed.error().message()));
}

}  // namespace

int run_command(const CollectRequest& request) {
  CollectRequest effective = request;
  write_into_store(effective);
  if (!request.core.empty()) {
    auto core = CoreFile::open(request.core);
    if (!core) {
      complain(fmt::format("core file {}", core.error().message()));
      return kNothingCollected;
    }
    effective.run.core = std::make_shared<const CoreFile>(std::move(*core));
    effective.run.core_executable = request.executable;
  }
  auto target = effective.run.core ? identity_of(*effective.run.core) : find_target(request.target);
  if (!target) {
    // Candidates come on lines of their own.
    std::string text = target.error().message();
    write_all(STDERR_FILENO, fmt::format("emergency-collect: {}\n", text));
    return target.error().code == ErrorCode::kUsage ? kUsage : kNothingCollected;
  }
  auto shelf = RunbookShelf::open(request.runbooks);
  if (!shelf) {
    complain(shelf.error());
    return kUsage;
  }
  if (request.output == "-" && terminal_of(STDOUT_FILENO).is_terminal) {
    complain("-o - would write the archive to the terminal; pipe it or give a file");
    return kUsage;
  }
  auto signals = SignalPipe::install();
  if (!signals) {
    complain(signals.error());
    return kNothingCollected;
  }
  be_modest();

  std::string reason;
  std::string folder = archive_folder(host_name(), target->comm, target->pid, wall_clock_ns());
  WriterOptions options{effective.output, folder, request.format, STDOUT_FILENO};
  if (request.deadline_seconds) options.patience_ms = std::min(options.patience_ms, *request.deadline_seconds * 1000);
  auto writer = ArchiveWriter::create(options);
  if (!writer) {
    reason = writer.error().message();
    if (writer.error().code != ErrorCode::kNoSpace) {
      complain(fmt::format("{}; use -o PATH for another place, or -o - to stream it", reason));
      return kNothingCollected;
    }
    writer = std::make_unique<NoArchive>();
  }
  g_parent = getpid();
  g_no_archive = !reason.empty();
  g_last_words =
      "emergency-collect: no memory is left; " +
      (g_no_archive ? "no archive was written\n" : fmt::format("what was collected so far: {}\n", (*writer)->path()));
  std::set_terminate(on_terminate);
  if (!effective.run.core) spare_ourselves(target->pid, effective.run);
  CollectRun run(effective, std::move(*target), std::move(*shelf), std::move(*writer), reason);
  int code = run.execute(*signals);
  bool stored = code == kComplete || code == kPartialArchive;
  if (stored && request.keep) keep(request, run.archive_path());
  if (request.debuginfod.empty() || !stored || signals->received() != 0) return code;
  signals->give_back();
  add_names(request, run.archive_path());
  return code;
}

}  // namespace ec
