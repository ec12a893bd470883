#include "collector/collectors/socket_tables.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "collector/base/text.h"
#include "collector/proc/inet_diag.h"
#include "collector/proc/net_tcp.h"
#include "collector/proc/net_unix.h"

namespace ec {

namespace {

constexpr uint8_t kClose = 7, kListen = 10;
constexpr std::array<std::string_view, 5> kDumped{"tcp", "tcp6", "udp", "udp6", "unix"};
constexpr std::array<std::string_view, 9> kTexts{"tcp", "tcp6", "udp",     "udp6",  "unix",
                                                 "raw", "raw6", "netlink", "packet"};
constexpr size_t kMostListed = 4096;  // listeners in the summary; the counts go on

bool is_tcp(std::string_view family) { return family.starts_with("tcp"); }
bool is_inet(std::string_view family) {
  return is_tcp(family) || family.starts_with("udp") || family.starts_with("raw");
}

// Both ends of a connection as bytes, IPv4-mapped addresses as IPv4: the same for a tcp and a tcp6 socket that talk.
std::string end_key(const InetAddress& address) {
  constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  std::string key(reinterpret_cast<const char*>(&address.port), sizeof address.port);
  const auto* bytes = reinterpret_cast<const char*>(address.bytes.data());
  bool mapped = address.v6 && std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin());
  if (mapped)
    key.append(bytes + 12, 4);
  else
    key.append(bytes, address.v6 ? 16 : 4);
  return key;
}

std::string pair_key(bool tcp, const InetAddress& from, const InetAddress& to) {
  return (tcp ? "t" : "u") + end_key(from) + "|" + end_key(to);
}

Socket socket_of(const InetSocket& raw, std::string_view family) {
  Socket socket;
  socket.inode = raw.inode;
  socket.family = family;
  socket.state = is_tcp(family) ? tcp_state_word(raw.state) : udp_state_word(raw.state);
  socket.local = raw.local.text();
  socket.remote = raw.remote.text();
  socket.receive_queue = raw.receive_queue;
  socket.send_queue = raw.send_queue;
  socket.timer = timer_words(raw.timer, raw.timer_ms);
  socket.drops = raw.drops;
  bool listening = is_tcp(family) && raw.state == kListen;
  if (listening && raw.backlog_known) socket.backlog = raw.send_queue;
  if (raw.timer == 1 && !raw.tcp) socket.retransmits_now = raw.unanswered;
  if (!raw.tcp || listening || !is_tcp(family)) return socket;
  socket.retransmits_now = raw.tcp->retransmits;
  socket.retransmits_total = raw.tcp->total_retransmits;
  if (raw.tcp->rtt_us > 0) {
    socket.rtt_ms = raw.tcp->rtt_us / 1000.0;
    socket.rtt_variance_ms = raw.tcp->rtt_variance_us / 1000.0;
  }
  socket.last_send_ms = raw.tcp->last_sent_ms;
  socket.last_receive_ms = raw.tcp->last_received_ms;
  socket.bytes_sent = raw.tcp->bytes_sent ? raw.tcp->bytes_sent : raw.tcp->bytes_acked;
  socket.bytes_received = raw.tcp->bytes_received;
  return socket;
}

std::string unix_name(std::string_view name) {
  if (name.starts_with('\0')) return "@" + printable_line(name.substr(1), 300);
  return printable_line(name, 300);
}

std::string_view unix_type_word(uint8_t type) {
  switch (type) {
    case SOCK_STREAM:
      return "stream";
    case SOCK_DGRAM:
      return "dgram";
    case SOCK_SEQPACKET:
      return "seqpacket";
    default:
      return "?";
  }
}

Socket socket_of(const UnixSocket& raw) {
  Socket socket;
  socket.inode = raw.inode;
  socket.family = "unix";
  socket.state = unix_state_word(raw.state);
  socket.type = unix_type_word(raw.type);
  socket.local = unix_name(raw.name);
  socket.receive_queue = raw.receive_queue;
  socket.send_queue = raw.send_queue;
  socket.peer_inode = raw.peer_inode;
  if (raw.state == kListen && raw.backlog_known) socket.backlog = raw.send_queue;
  return socket;
}

class Reader {
 public:
  Reader(const std::unordered_set<uint64_t>& target_inodes, int64_t clock_ticks)
      : target_inodes_(target_inodes), clock_ticks_(clock_ticks) {}

  void first_pass(const SocketTable& table) {
    if (is_inet(table.family)) {
      note(each_inet(table, [&](const InetSocket& socket) { take(socket, table.family); }));
    } else if (table.family == "unix") {
      auto take_unix = [&](const UnixSocket& socket) { take(socket); };
      note(table.text ? parse_net_unix(table.place, table.bytes, take_unix)
                      : parse_unix_diag(table.place, table.bytes, take_unix));
    } else {
      auto take_other = [&](const OtherSocket& socket) { take(socket, table.family); };
      note(table.family == "netlink" ? parse_net_netlink(table.place, table.bytes, take_other)
                                     : parse_net_packet(table.place, table.bytes, take_other));
    }
  }

  // The other ends of the target's connections, when they are sockets of this namespace. `mirrored_` is complete only
  // after every table was read once.
  void second_pass(const SocketTable& table) {
    if (mirrored_.empty() || !is_inet(table.family) || table.family.starts_with("raw")) return;
    (void)each_inet(table, [&](const InetSocket& socket) {
      if (socket.inode == 0 || socket.remote.port == 0) return;
      auto found = mirrored_.find(pair_key(is_tcp(table.family), socket.local, socket.remote));
      if (found == mirrored_.end() || found->second == socket.inode) return;
      result.of_target[found->second].peer_inode = socket.inode;
    });
  }

  // Names of the sockets at the other end of unix connections: an accepted socket has the name of its listener.
  void name_unix_peers() {
    for (auto& [inode, socket] : result.of_target) {
      if (socket.family != "unix") continue;
      auto listener = result.waiting_at.find(inode);
      auto name = unix_names_.find(listener == result.waiting_at.end() ? socket.peer_inode : listener->second);
      if (name != unix_names_.end()) socket.remote = unix_name(name->second);
    }
  }

  NamespaceSockets result;

 private:
  Result<void> each_inet(const SocketTable& table, const std::function<void(const InetSocket&)>& visit) const {
    return table.text ? parse_net_tcp(table.place, table.bytes, clock_ticks_, visit)
                      : parse_inet_diag(table.place, table.bytes, visit);
  }
  void note(Result<void> outcome) {
    if (!outcome) result.problems.push_back(std::move(outcome.error()));
  }
  void list(const Socket& socket) {
    if (result.summary.listening.size() < kMostListed) result.summary.listening.push_back(socket);
  }

  void take(const InetSocket& raw, std::string_view family) {
    bool tcp = is_tcp(family), listening = false;
    if (tcp) {
      ++result.summary.tcp;
      ++result.summary.tcp_by_state[tcp_state_word(raw.state)];
      listening = raw.state == kListen;
    } else if (family.starts_with("udp")) {
      ++result.summary.udp;
      listening = raw.state == kClose && raw.local.port != 0;
    }
    bool ours = raw.inode != 0 && target_inodes_.contains(raw.inode);
    if (!ours && !listening) return;
    Socket socket = socket_of(raw, family);
    if (listening) list(socket);
    if (!ours) return;
    if (raw.remote.port != 0 && raw.state != kListen && !family.starts_with("raw"))
      mirrored_[pair_key(tcp, raw.remote, raw.local)] = raw.inode;
    result.of_target.insert_or_assign(raw.inode, std::move(socket));
  }

  void take(const UnixSocket& raw) {
    ++result.summary.unix_sockets;
    for (uint32_t inode : raw.waiting) result.waiting_at[inode] = raw.inode;
    if (raw.inode && !raw.name.empty()) unix_names_[raw.inode] = raw.name;
    if (target_inodes_.contains(raw.inode)) result.of_target.insert_or_assign(raw.inode, socket_of(raw));
  }

  void take(const OtherSocket& raw, std::string_view family) {
    if (!target_inodes_.contains(raw.inode)) return;
    Socket socket;
    socket.inode = raw.inode;
    socket.family = family;
    socket.receive_queue = raw.receive_queue;
    socket.drops = raw.drops;
    socket.local = family == "netlink" ? fmt::format("protocol {} port {}", raw.protocol, raw.port)
                                       : fmt::format("protocol 0x{:04x} interface {}", raw.protocol, raw.port);
    result.of_target.insert_or_assign(raw.inode, std::move(socket));
  }

  const std::unordered_set<uint64_t>& target_inodes_;
  int64_t clock_ticks_;
  std::unordered_map<std::string, uint64_t> mirrored_;  // ends as the other side has them → socket of the target
  std::unordered_map<uint64_t, std::string_view> unix_names_;  // of all unix sockets that have one
};

}  // namespace

std::string socket_table_path(std::string_view family, bool text, int pid) {
  if (!text) {
    if (family == "tcp" || family == "udp") return fmt::format("raw/sock_diag/{}4.bin", family);
    return fmt::format("raw/sock_diag/{}.bin", family);
  }
  return pid > 0 ? fmt::format("raw/proc/{}/net/{}", pid, family) : fmt::format("raw/proc/net/{}", family);
}

std::vector<SocketTable> socket_tables(const RawStore& store, int pid) {
  std::vector<SocketTable> tables;
  auto add = [&](std::string_view family, bool text) {
    std::string path = socket_table_path(family, text, pid);
    if (auto bytes = store.read(path)) tables.push_back({family, text, *bytes, std::move(path)});
  };
  for (std::string_view family : kDumped) add(family, false);
  for (std::string_view family : kTexts) add(family, true);
  return tables;
}

NamespaceSockets read_sockets(const std::vector<SocketTable>& tables, const std::unordered_set<uint64_t>& target_inodes,
                              int64_t clock_ticks) {
  std::vector<const SocketTable*> chosen;
  for (const SocketTable& table : tables) {
    bool again =
        std::any_of(chosen.begin(), chosen.end(), [&](const SocketTable* one) { return one->family == table.family; });
    if (!again && !table.bytes.empty()) chosen.push_back(&table);
  }
  Reader reader(target_inodes, clock_ticks);
  for (const SocketTable* table : chosen) reader.first_pass(*table);
  for (const SocketTable* table : chosen) reader.second_pass(*table);
  reader.name_unix_peers();
  reader.result.any = std::any_of(chosen.begin(), chosen.end(), [](const SocketTable* table) {
    return std::find(kDumped.begin(), kDumped.end(), table->family) != kDumped.end();
  });
  return std::move(reader.result);
}

}  // namespace ec
