// /proc/PID/net/dev: interfaces of one network namespace. proc(5), net/core/net-procfs.c
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

// Counters since the interface exists.
struct InterfaceCounters {
  std::string name;
  uint64_t rx_bytes = 0, rx_packets = 0, rx_errors = 0, rx_drops = 0;
  uint64_t tx_bytes = 0, tx_packets = 0, tx_errors = 0, tx_drops = 0;
};

// Errors: malformed; truncated when the two header lines are missing.
Result<std::vector<InterfaceCounters>> parse_net_dev(std::string_view where, std::string_view text);

}  // namespace ec
