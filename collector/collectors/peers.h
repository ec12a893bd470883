// Who holds the other end: processes that have one of the wanted pipes or sockets open. raw/peers.bundle has for each
// such process a section "PID" with lines "FD LINK ACCESS" and one "PID/comm"; "scan" tells how far the search got.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "collector/base/clock.h"
#include "collector/collectors/collector.h"
#include "collector/snapshot/files.h"

namespace ec {

inline constexpr std::string_view kPeersBundle = "raw/peers.bundle";

// Reads the links of /proc/*/fd of all processes but `except` (the target, whose links are known). Costs a readlinkat
// per open descriptor of the host, so it ends at the deadline or after 400,000 of them, and says so in "scan".
void gather_peers(const std::unordered_set<uint64_t>& inodes, int except, Deadline deadline, Sink& out);

struct Owner {
  PeerProcess process;
  bool reads = true, writes = true;
};
// Owners by inode of the pipe or socket.
using Owners = std::unordered_map<uint64_t, std::vector<Owner>>;
Owners parse_peers(const RawStore& store);

}  // namespace ec
