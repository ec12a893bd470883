// The sockets of one network namespace, from the dumps of the kernel or from the text of /proc: those of the target in
// full, the others counted, and the inodes whose owners are worth looking for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "collector/archive/raw_store.h"
#include "collector/snapshot/files.h"

namespace ec {

// One table as collected; `bytes` is empty when it was not.
struct SocketTable {
  std::string_view family;  // "tcp", "tcp6", "udp", "udp6", "raw", "raw6", "unix", "netlink", "packet"
  bool text = false;        // of /proc/PID/net instead of sock_diag
  std::string_view bytes;
  std::string place;  // names it in errors: "raw/sock_diag/tcp4.bin"
};

// Where tables are stored, in the order of preference: sock_diag before text. pid 0: of our own namespace.
std::vector<SocketTable> socket_tables(const RawStore& store, int pid);
std::string socket_table_path(std::string_view family, bool text, int pid);

struct NamespaceSockets {
  std::unordered_map<uint64_t, Socket> of_target;     // by inode
  SocketSummary summary;                              // without owners
  std::unordered_map<uint64_t, uint64_t> waiting_at;  // unix: client not yet accepted → the listener
  std::vector<Error> problems;                        // of damaged or cut tables; what was before is in
  bool any = false;                                   // at least one table of tcp, udp or unix was there
};

// Pure. A family that has a dump and a text is read from the dump alone.
NamespaceSockets read_sockets(const std::vector<SocketTable>& tables, const std::unordered_set<uint64_t>& target_inodes,
                              int64_t clock_ticks);

}  // namespace ec
