// Pressure stall information of the host. Documentation/accounting/psi.rst
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

void gather_host_pressure(GatherContext& context);
void parse_host_pressure(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
