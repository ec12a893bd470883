// /proc/PID/net/{tcp,tcp6,udp,udp6,raw,raw6}: the sockets of the network namespace of PID as text (proc(5)). Used where
// sock_diag is refused; it tells no backlog limit, round trip time or byte counts.
#pragma once

#include <functional>
#include <string_view>

#include "collector/base/error.h"
#include "collector/proc/inet_diag.h"

namespace ec {

// Calls `each` for every line. `clock_ticks` per second is the unit of the timers. Addresses are as written by a kernel
// of this machine's byte order. Errors: malformed, with the line; sockets before it were given.
Result<void> parse_net_tcp(std::string_view where, std::string_view text, int64_t clock_ticks,
                           const std::function<void(const InetSocket&)>& each);

}  // namespace ec
