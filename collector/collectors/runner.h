// Runs collectors in forked helpers, side by side, each under its budget. A helper that hangs is killed or abandoned,
// one that crashes costs only what it was reading; the rest goes on in a fresh helper.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "collector/base/helper_process.h"
#include "collector/collectors/collector.h"

namespace ec {

struct Step {
  const Collector* collector;
  Reading reading = Reading::kFirst;
  Clock::time_point not_before{};  // second readings wait, so that rates have an interval
};

// What the runner reports, in the parent, as it happens.
class RunnerListener {
 public:
  virtual ~RunnerListener() = default;
  // An artifact as read, not redacted yet. The row lacks bytes, sha256 and redactions.
  virtual void artifact(ArtifactRow row, std::string bytes, Redact redact) = 0;
  enum class Progress { kStarted, kEnded, kTimedOut, kCrashed };
  virtual void progress(const Collector& collector, Reading reading, Progress progress) = 0;
};

class Runner {
 public:
  // `target` may be null. All references must outlive the runner; `started` is the zero of at_ms.
  Runner(const TargetIdentity* target, const RunOptions& options, Clock::time_point started, RunnerListener& listener);
  ~Runner();  // abandons what still runs

  // Starts one helper process that takes the steps in order. When fork fails, the steps of tier T0 run in this process
  // at once and the others become skipped artifacts.
  void start(std::vector<Step> steps, Deadline deadline);

  // Moves everything forward. Returns when `enough()` is true, all steps ended, `deadline` passed, or one of `wake_fds`
  // (signals, pidfd; -1 is ignored) is readable.
  void pump(Deadline deadline, const std::vector<int>& wake_fds, const std::function<bool()>& enough);

  bool idle() const;             // every step of every helper ended
  bool fast_part_ended() const;  // every step that is not slow ended
  // Ends what still runs; its steps become timed-out artifacts with this reason.
  void stop(std::string_view reason);

 private:
  struct Bundle;
  struct Track;  // one chain of helper processes that work through one list of steps
  void announce(const Collector& collector);
  void launch(Track& track);
  void run_here(Track& track, const Error& why);
  bool drain(Track& track);  // true when something happened
  void handle_frame(Track& track, std::string_view frame);
  void check_time(Track& track);
  void helper_ended(Track& track);
  void give_up(Track& track, Status status, std::string reason, bool retry_behind_touch);
  void end_step(Track& track, RunnerListener::Progress progress);
  void flush_bundles(Track& track, Status status, const std::string& reason);
  void deliver(Track& track, ArtifactRow row, std::string bytes, Redact redact);
  double since_start_ms() const;

  const TargetIdentity* target_;
  const RunOptions& options_;
  Clock::time_point started_;
  RunnerListener& listener_;
  FdLinks fd_links_;
  ProfileTurn profile_turn_;
  std::vector<std::unique_ptr<Track>> tracks_;
  std::set<std::string, std::less<>> delivered_;
};

// Calls every parse function: raw bytes to snapshot, live and on replay.
void parse_all(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
