// The kernel log and the OOM kills in it.
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

void gather_kernel_log(GatherContext& context);
// raw/proc/PID/cgroup tells which kills were in the target's memory cgroup.
void parse_kernel_log(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
