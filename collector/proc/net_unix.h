// /proc/PID/net/{unix,netlink,packet}: sockets without addresses of the Internet, as text (proc(5)).
#pragma once

#include <functional>
#include <string_view>

#include "collector/base/error.h"
#include "collector/proc/inet_diag.h"

namespace ec {

// unix: no peers and no queues in it. The names point into `text`; abstract ones begin with '@', not with NUL.
Result<void> parse_net_unix(std::string_view where, std::string_view text,
                            const std::function<void(const UnixSocket&)>& each);

struct OtherSocket {
  uint64_t inode = 0, receive_queue = 0;
  uint32_t protocol = 0;  // netlink: family; packet: Ethernet protocol
  uint32_t port = 0;      // netlink: port id; packet: interface index
  std::optional<uint64_t> drops;
};
Result<void> parse_net_netlink(std::string_view where, std::string_view text,
                               const std::function<void(const OtherSocket&)>& each);
Result<void> parse_net_packet(std::string_view where, std::string_view text,
                              const std::function<void(const OtherSocket&)>& each);

}  // namespace ec
