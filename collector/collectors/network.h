// Interfaces, TCP and UDP counters, connection tracking of the network namespace of the target (else of ours): what
// sar -n DEV and sar -n TCP,ETCP show, and the settings of that namespace.
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

void gather_network(GatherContext& context);
void parse_network(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
