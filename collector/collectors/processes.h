// All processes of the host, as top, ps and pidstat show them, and the tasks in uninterruptible sleep.
//
// raw/processes.bundle: "PID/stat", "PID/uid"; first reading also "PID/exe", "PID/cmdline"; "PID/io" where it is
// allowed; "clock/stat" and "clock/io": CLOCK_BOOTTIME in ns before the first and after the last read of that kind.
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

void gather_processes(GatherContext& context);
void parse_processes(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
