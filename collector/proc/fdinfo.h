// One open descriptor: the text of its link in /proc/PID/fd and of its file in /proc/PID/fdinfo (proc(5);
// Documentation/filesystems/proc.rst, 3.8).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

struct FdLink {
  std::string_view
      kind;  // socket pipe eventfd epoll timerfd signalfd inotify fanotify memfd pidfd io_uring anon, or "path"
  std::string_view target;  // link text, without " (deleted)" when it is a path
  bool deleted = false;     // a memfd never counts as deleted: it never had a name
  uint64_t inode = 0;       // sockets, pipes and namespaces: the number in the brackets
};
// The views point into `link`. Any text is something: never fails.
FdLink parse_fd_link(std::string_view link);

struct TimerFd {
  int clock_id = 0;
  uint64_t ticks = 0;        // expirations that nobody has read
  double value_seconds = 0;  // until the next one; 0 = disarmed
  double interval_seconds = 0;
};

struct IoUringFd {
  uint64_t submission_entries = 0, completion_entries = 0;  // waiting in the rings now
  uint64_t submission_size = 0, completion_size = 0;
  uint64_t files = 0, buffers = 0;  // registered
  int64_t thread = -1;              // SQPOLL thread
};

struct Fdinfo {
  uint64_t position = 0;
  uint32_t flags = 0;             // as for open(2)
  std::optional<int> mount_id;    // first field of mountinfo
  std::optional<uint64_t> inode;  // since Linux 5.14
  std::optional<uint64_t> eventfd_count;
  bool eventfd_semaphore = false;
  std::vector<int> epoll_targets;  // descriptors, as numbered when they were added
  std::optional<TimerFd> timer;
  std::optional<uint64_t> signal_mask;  // signalfd: bit N-1 = signal N
  uint64_t inotify_watches = 0, fanotify_marks = 0;
  std::optional<int64_t> pidfd_pid;  // -1: the process has ended; 0: outside our PID namespace
  std::optional<IoUringFd> ring;
  std::vector<std::string> locks;  // "POSIX WRITE 5-14 by 8218", "FLOCK WRITE by 8218", "LEASE ..."
};

// `where` names the text in errors. Unknown lines are passed over: each kernel adds some.
// Errors: malformed, when a line that we know does not have its form.
Result<Fdinfo> parse_fdinfo(std::string_view where, std::string_view text);

// "r", "w", "rw", "path".
std::string_view access_word(uint32_t flags);
// "O_APPEND", "O_NONBLOCK" …, in the order of their values; what has no name as one octal number.
std::vector<std::string> open_flag_words(uint32_t flags);
// What is special about it, in words: "count 3", "watches 12 descriptors", "lock POSIX WRITE 5-14 by 8218"; "" =
// nothing.
std::string describe(const Fdinfo& info, std::string_view kind);

}  // namespace ec
