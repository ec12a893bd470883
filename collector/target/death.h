// What a death leaves behind: the exit status that the pidfd remembers, OOM counters, the kernel's own words.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "collector/target/identity.h"

namespace ec {

// "exited with status 1", "killed by SIGKILL", "dumped core on SIGSEGV"; nothing when the kernel (before 6.15) does not
// tell or the process still lives. Source: PIDFD_GET_INFO, include/uapi/linux/pidfd.h.
std::optional<std::string> exit_of(const TargetIdentity& target);

// A wait status (wait(2)) in the same words.
std::string wait_status_in_words(int status);

}  // namespace ec
