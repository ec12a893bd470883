// Collector "threads": what the kernel says about each thread of the target, without stopping any. Raw form:
// raw/proc/PID/task.bundle with the sections TID/stat, TID/status, TID/schedstat, TID/wchan, TID/syscall, TID/stack,
// and "machine" (uname), which names the system call numbers.
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

void gather_threads(GatherContext& context);
void parse_threads(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
