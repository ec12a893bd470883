// Block devices: what iostat -xz shows.
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

void gather_host_disks(GatherContext& context);
void parse_host_disks(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
