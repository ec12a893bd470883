// Totals and limits of the kernel: open files, PIDs, threads, and the settings that decide how the host fails.
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

void gather_host_limits(GatherContext& context);
void parse_host_limits(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
