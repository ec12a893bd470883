// Memory of the host: what free, vmstat, sar -B and numastat show.
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

void gather_host_memory(GatherContext& context);
void parse_host_memory(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
