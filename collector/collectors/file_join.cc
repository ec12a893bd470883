#include "collector/collectors/file_join.h"

#include <algorithm>

#include "collector/collectors/host_constants.h"
#include "collector/collectors/peers.h"
#include "collector/collectors/socket_tables.h"

namespace ec {

namespace {

constexpr size_t kMostPeers = 16;  // of one descriptor: a pipe may be inherited by a thousand workers

// What the target itself has open counts as an owner too: it may talk to itself.
void add_target(const OpenFiles& files, const TargetInfo& target, Owners& owners) {
  for (const OpenFile& file : files.files)
    if (file.inode != 0 && (file.kind == "socket" || file.kind == "pipe"))
      owners[file.inode].push_back(Owner{{target.pid, target.comm, file.fd}, file.access != "w", file.access != "r"});
}

// Others first; the target only when nobody else holds that end.
template <class Fits>
std::vector<PeerProcess> peers_of(const Owners& owners, uint64_t inode, int target_pid, Fits fits) {
  std::vector<PeerProcess> others, itself;
  auto found = inode ? owners.find(inode) : owners.end();
  if (found == owners.end()) return others;
  for (const Owner& owner : found->second) {
    auto& list = owner.process.pid == target_pid ? itself : others;
    if (fits(owner) && list.size() < kMostPeers) list.push_back(owner.process);
  }
  return others.empty() ? itself : others;
}

constexpr auto kAnyOwner = [](const Owner&) { return true; };

void join_files(const NamespaceSockets& sockets, const Owners& owners, int pid, OpenFiles& files) {
  files.sockets.clear();
  std::unordered_map<uint64_t, uint32_t> index;
  for (OpenFile& file : files.files) {
    file.socket.reset();
    file.peers.clear();
    if (file.kind == "pipe")
      file.peers = peers_of(owners, file.inode, pid, [&](const Owner& owner) {
        // The reader's other end writes. An owner with the same descriptor as ours is not at another end.
        return file.access == "r" ? owner.writes : file.access == "w" ? owner.reads : true;
      });
    if (file.kind != "socket" || file.inode == 0) continue;
    auto [entry, first] = index.emplace(file.inode, static_cast<uint32_t>(files.sockets.size()));
    file.socket = entry->second;
    if (!first) continue;
    auto known = sockets.of_target.find(file.inode);
    Socket socket;
    socket.inode = file.inode;
    socket.family = "?";  // not bound yet, of a family without a table, or of another network namespace
    if (known != sockets.of_target.end()) socket = known->second;
    socket.peers = peers_of(owners, socket.peer_inode, pid, kAnyOwner);
    auto listener = sockets.waiting_at.find(socket.inode);
    if (socket.peers.empty() && listener != sockets.waiting_at.end())
      socket.peers = peers_of(owners, listener->second, pid, kAnyOwner);
    files.sockets.push_back(std::move(socket));
  }
}

}  // namespace

void join_sockets(const RawStore& store, Snapshot& snapshot) {
  std::unordered_set<uint64_t> inodes;
  Owners owners = parse_peers(store);
  int pid = snapshot.target.pid;
  if (snapshot.files) {
    for (const OpenFile& file : snapshot.files->files)
      if (file.kind == "socket") inodes.insert(file.inode);
    add_target(*snapshot.files, snapshot.target, owners);
  }
  NamespaceSockets sockets = read_sockets(socket_tables(store, pid), inodes, host_constants(store).clock_ticks);
  if (snapshot.files) join_files(sockets, owners, pid, *snapshot.files);

  if (!sockets.any) {
    auto missing = store.read(socket_table_path("tcp", false, pid));
    snapshot.sockets =
        missing ? Error{ErrorCode::kTruncated, "raw/sock_diag", "every table is empty", 0} : missing.error();
    return;
  }
  for (const Socket& listener : sockets.summary.listening) {
    auto found = peers_of(owners, listener.inode, 0, kAnyOwner);
    // Workers inherit the listener of their parent: the lowest pid is the best name for it.
    auto owner = std::min_element(found.begin(), found.end(), [](auto& a, auto& b) { return a.pid < b.pid; });
    sockets.summary.listening_owner.push_back(owner == found.end() ? PeerProcess{} : *owner);
  }
  snapshot.sockets = std::move(sockets.summary);
}

}  // namespace ec
