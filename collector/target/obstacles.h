#pragma once

#include <sys/types.h>

#include <string>

namespace ec {

// What forbids to stop the threads of a process, in words; "" = nothing does. Another tracer ("gdb (4711) traces it
// already": a thread has only one, ptrace(2)), a frozen cgroup (its threads would never reach the stop).
std::string obstacle_to_stopping(pid_t pid, pid_t live_tid);
// Whether the cgroup of the process is frozen: none of its threads runs.
bool cgroup_frozen(pid_t pid);

}  // namespace ec
