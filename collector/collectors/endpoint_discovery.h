// Where the target could be asked: its listening TCP and unix stream sockets, in its own network namespace.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "collector/collectors/collector.h"
#include "collector/collectors/http_connection.h"
#include "collector/proc/inet_diag.h"
#include "collector/target/identity.h"

namespace ec {

struct EndpointListener {
  HttpAddress address;  // where to connect
  uint64_t inode = 0;
  bool loopback = false;  // cannot be reached from other machines
  std::string not_asked;  // why it is left alone: "known service, not queried (Redis)"; "" = ask
  std::string note;       // what a person can do instead, "" = nothing is known
};

// Everything that listens in one network namespace.
struct NamespaceListeners {
  std::vector<InetSocket> tcp;
  struct Unix {
    uint64_t inode = 0;
    std::string name;  // path or "@abstract"
  };
  std::vector<Unix> unix_streams;
};

// Pure: the listeners whose inode is one of the target's, each with an address that reaches just it, likeliest first.
// Wildcard listeners are reached through loopback, unless another socket is bound to just that. `root` is the folder
// that unix paths are below ("/proc/42/root"), `comm` the name of the target.
std::vector<EndpointListener> likely_endpoints(const NamespaceListeners& listeners,
                                               const std::unordered_set<uint64_t>& own_sockets, std::string_view comm,
                                               const std::string& root);

// Reads /proc of the target; `inside`: this process is in its network namespace, so that the kernel can be asked for
// just the listeners. Errors: denied (descriptors of another user's process), gone.
Result<std::vector<EndpointListener>> discover_endpoints(const TargetIdentity& target, FdLinks* shared, bool inside);

// Moves this process into the network namespace of the target unless it is the same. For a single-threaded helper only:
// there is no way back. Errors: denied.
Result<void> enter_network_of(const TargetIdentity& target);

}  // namespace ec
