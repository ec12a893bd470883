// One live process, pinned: a PID alone is reused; a pidfd together with start time and executable inode is not.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collector/base/error.h"
#include "collector/base/unique_fd.h"

namespace ec {

struct ExecutableId {
  uint64_t device = 0,
           inode = 0;  // of /proc/PID/exe, stat(2); both 0 when it cannot be read (kernel thread, no permission)
  bool operator==(const ExecutableId&) const = default;
};

struct TargetIdentity {
  pid_t pid = 0;
  uint64_t start_ticks = 0;  // /proc/PID/stat field 22
  ExecutableId executable;
  std::string comm;
  char state = '?';
  bool kernel_thread = false;  // stat flags, PF_KTHREAD
  // A thread whose /proc/PID/task/TID/{maps,exe,root} can be read: the leader, or the first live thread when the leader
  // is a zombie (STACKS.md b.1).
  pid_t live_tid = 0;
  std::shared_ptr<UniqueFd> pidfd;  // readable once the process has ended; null when the kernel has no pidfd_open
};

// Errors: gone (no such process), malformed, denied (hidepid).
Result<TargetIdentity> identify(pid_t pid);

// Nothing when it is still the same process; else what happened, in words: "exited", "pid reused", "replaced by exec".
std::optional<std::string> changed(const TargetIdentity& target);

struct Candidate {
  pid_t pid = 0;
  std::string comm, command_line;  // command_line as read, NUL-separated: redact before it is shown
};

// Other ways to name a target. Each gives all processes that match; empty when none does. Own process excluded.
// name: comm or the file name of the executable, exact; else a full match of the first argument's file name.
Result<std::vector<Candidate>> find_by_name(const std::string& name);
// unit: systemd unit through cgroup paths; "nginx" means "nginx.service", and other names of a unit are known. Of
// several processes without a common ancestor the one that systemd started, where its environment can be read.
Result<std::vector<Candidate>> find_by_unit(const std::string& unit);
// port: who listens on this TCP port, in our network namespace or in its own.
Result<std::vector<Candidate>> find_by_port(uint16_t port);

}  // namespace ec
