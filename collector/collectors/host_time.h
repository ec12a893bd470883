// Clock: its source, and whether something keeps it right.
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

void gather_host_time(GatherContext& context);
// The time daemon comes from raw/processes.bundle.
void parse_host_time(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
