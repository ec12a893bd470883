// Load, CPU shares, interrupts: what uptime, mpstat -P ALL and the cpu columns of vmstat show.
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

void gather_host_cpu(GatherContext& context);
void parse_host_cpu(const RawStore& store, Snapshot& snapshot);

// Apart from the CPU times: on a machine with hundreds of CPUs the file takes milliseconds.
void gather_host_interrupts(GatherContext& context);
void parse_host_interrupts(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
