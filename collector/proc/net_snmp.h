// /proc/PID/net/snmp and /proc/PID/net/netstat: counters of one network namespace, as pairs of lines:
//   Tcp: RtoAlgorithm RtoMin …
//   Tcp: 1 200 …
// Documentation/networking/snmp_counter.rst
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

// "Tcp.RetransSegs" → 17. Signed: Tcp.MaxConn is -1.
using SnmpCounters = std::map<std::string, int64_t, std::less<>>;

// Errors: malformed (a line of values that does not fit its line of names).
Result<SnmpCounters> parse_net_snmp(std::string_view where, std::string_view text);

}  // namespace ec
