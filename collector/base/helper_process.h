// A sacrificial child process: does what can sleep for ever, crash or be killed, so that the parent cannot.
//
// The child is forked without exec, streams length-prefixed frames to the parent through a pipe, and notes in shared
// memory what it is about to touch, so that the parent can name where it hangs. A child in uninterruptible sleep does
// not even die of SIGKILL: it is abandoned, never waited for.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "collector/base/clock.h"
#include "collector/base/error.h"
#include "collector/base/unique_fd.h"

namespace ec {

// The child's side.
class FrameWriter {
 public:
  struct Shared;  // lives in memory shared with the parent
  FrameWriter(int fd, Shared* shared) : fd_(fd), shared_(shared) {}

  // Queues one frame; written when 32 KiB are queued, on flush(), and at the end.
  void frame(std::string_view bytes);
  void flush();
  // What the next step touches. No system call. With `risky`, frames queued so far are flushed first, so that they
  // survive if the step never returns.
  void touch(std::string_view what, bool risky = false);

 private:
  int fd_;
  Shared* shared_;
  std::string queue_;
};

// The parent's side.
class HelperProcess {
 public:
  // Forks; `body` runs in the child, which ends when it returns. The child dies with the parent (PR_SET_PDEATHSIG), has
  // no inherited signal handlers, and closes nothing: descriptors of the parent stay usable in it.
  // Errors: that of fork(2), pipe2(2) or mmap(2).
  static Result<HelperProcess> start(const std::function<void(FrameWriter&)>& body);

  HelperProcess(HelperProcess&&) noexcept;
  HelperProcess& operator=(HelperProcess&&) noexcept;
  ~HelperProcess();  // abandon()s

  int fd() const { return pipe_.get(); }  // readable when frames or the end are there; -1 after the end
  pid_t pid() const { return pid_; }

  enum class Status { kFrame, kNothingYet, kEnded };
  // Next complete frame without blocking. kEnded: the child closed its side; exit_status() is known soon after.
  Status poll_frame(std::string& frame);

  // What the child touched last, and for how long it has been on it. Valid at any time.
  std::string last_touch() const;
  nanoseconds since_touch() const;

  // Whether the child only waits for a CPU (state R): on a saturated host that is no hang.
  bool is_runnable() const;

  // Kills the child and forgets it; does not wait for one in uninterruptible sleep.
  void abandon();
  // After kEnded: exit code of the child, or minus the signal that ended it; nothing when it still lives after `wait`.
  std::optional<int> exit_status(milliseconds wait);

 private:
  HelperProcess() = default;
  UniqueFd pipe_;
  pid_t pid_ = -1;
  FrameWriter::Shared* shared_ = nullptr;
  std::string buffer_;
  size_t consumed_ = 0;
};

}  // namespace ec
