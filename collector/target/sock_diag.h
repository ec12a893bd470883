// Asks the kernel for its sockets through NETLINK_SOCK_DIAG (sock_diag(7)). No privilege is needed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "collector/base/clock.h"
#include "collector/base/error.h"

namespace ec {

struct SocketDump {
  std::string bytes;  // netlink messages as received, for parse_inet_diag or parse_unix_diag
  std::string cut;    // why it ends early: the limit or the deadline; "" when it is whole
};

// All sockets of the network namespace that this thread is in. family: AF_INET, AF_INET6; protocol: IPPROTO_TCP, UDP …
// With `figures`, struct tcp_info and memory counters come along (about 400 bytes a socket, else 90).
// Errors: unsupported or not-found (the kernel has no such module), denied, timeout.
Result<SocketDump> dump_inet_sockets(uint8_t family, uint8_t protocol, bool figures, Deadline deadline, size_t limit);
// Listening TCP sockets only: connections, however many, are not even walked over.
Result<SocketDump> dump_tcp_listeners(uint8_t family, Deadline deadline, size_t limit);
Result<SocketDump> dump_unix_sockets(Deadline deadline, size_t limit);

// Moves this thread into the network namespace of the process, for good: call it only in a process made for that. When
// that is refused, tries once more from inside the user namespace of the process. Errors: gone, denied.
Result<void> enter_network_namespace(pid_t pid);

// Whether the process is in another network namespace than we are. Errors: gone, denied.
Result<bool> other_network_namespace(pid_t pid);

}  // namespace ec
