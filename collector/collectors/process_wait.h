#pragma once

#include <string>

#include "collector/archive/raw_store.h"

namespace ec {

// What the main thread is doing, in one line, from raw/proc/PID/{stat,wchan,syscall,machine}: "sleeping in epoll_wait
// (ep_poll)", "zombie: killed by SIGKILL, not yet collected by its parent 12". "" when nothing is known.
std::string wait_summary(const RawStore& store, int pid);

}  // namespace ec
