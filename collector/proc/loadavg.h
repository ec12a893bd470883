// /proc/loadavg and /proc/uptime. proc(5)
#pragma once

#include <cstdint>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

struct LoadAverage {
  double load1 = 0, load5 = 0, load15 = 0;
  uint64_t running = 0;  // tasks that run or could run now
  uint64_t tasks = 0;    // processes and threads that exist
};
// "0.31 0.40 0.52 2/813 40197"
Result<LoadAverage> parse_loadavg(std::string_view where, std::string_view text);

// Seconds since boot, suspended time included: the first number of "70112.93 134022.11".
Result<double> parse_uptime(std::string_view where, std::string_view text);

}  // namespace ec
