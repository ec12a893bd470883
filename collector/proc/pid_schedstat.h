// /proc/PID/schedstat and /proc/PID/task/TID/schedstat, Documentation/scheduler/sched-stats.rst: of one thread. The one
// of the process directory is that of its leader.
#pragma once

#include <cstdint>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

struct PidSchedstat {
  uint64_t on_cpu_ns = 0;
  uint64_t run_delay_ns = 0;  // ready, but waiting on a run queue
  uint64_t timeslices = 0;
};

// Errors: malformed.
Result<PidSchedstat> parse_pid_schedstat(std::string_view where, std::string_view text);

}  // namespace ec
