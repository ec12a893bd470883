// Sockets of one network namespace as the kernel dumps them through NETLINK_SOCK_DIAG: inet_diag and unix_diag messages
// (sock_diag(7); include/uapi/linux/{inet_diag,unix_diag,tcp}.h). Decoding only: who opens the netlink socket and asks
// is collector/target/sock_diag.h.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "collector/base/error.h"

namespace ec {

// Messages and attributes begin at multiples of four. The macro of linux/netlink.h cuts to 32 bits: a length just below
// 4 GiB becomes 0.
constexpr size_t netlink_aligned(size_t length) { return (length + 3) & ~size_t{3}; }

struct InetAddress {
  bool v6 = false;
  std::array<uint8_t, 16> bytes{};  // network byte order; IPv4 in the first four
  uint16_t port = 0;
  bool operator==(const InetAddress&) const = default;

  bool unspecified() const;  // 0.0.0.0, ::
  std::string text() const;  // "10.0.0.1:443", "[::1]:80"
};

// struct tcp_info grows with the kernel: what a shorter one does not have is empty.
struct TcpFigures {
  uint32_t retransmits = 0, rtt_us = 0, rtt_variance_us = 0, total_retransmits = 0;
  uint32_t last_sent_ms = 0, last_received_ms = 0;
  std::optional<uint64_t> bytes_sent, bytes_acked, bytes_received;
};

struct InetSocket {
  InetAddress local, remote;
  uint8_t state = 0;                           // TCP_ESTABLISHED = 1 …; of udp too: 7 = not connected
  uint8_t timer = 0;                           // 0 none, 1 retransmit, 2 keepalive, 3 time wait, 4 zero-window probe
  uint8_t unanswered = 0;                      // retransmits or probes of the timer
  uint32_t timer_ms = 0;                       // until it expires
  uint32_t receive_queue = 0, send_queue = 0;  // bytes; LISTEN: connections waiting, their limit
  uint32_t uid = 0;
  uint64_t inode = 0;         // 0: no process holds it (TIME_WAIT, a request, an orphan)
  bool backlog_known = true;  // LISTEN: send_queue is the limit; the text of /proc does not tell it
  std::optional<TcpFigures> tcp;
  std::optional<uint64_t> drops;  // sk_drops
};

// Calls `each` for every socket of the dump. The dump may hold several netlink datagrams one after another.
// Errors: malformed (at where+0xoffset), truncated (no end marker: sockets before it were given), and the error that
// the kernel put into the dump.
Result<void> parse_inet_diag(std::string_view where, std::string_view dump,
                             const std::function<void(const InetSocket&)>& each);

struct UnixSocket {
  uint64_t inode = 0, peer_inode = 0;  // 0: none, or not connected
  uint8_t type = 0;                    // SOCK_STREAM …
  uint8_t state = 0;                   // 1 connected, 7 unconnected, 10 listening
  std::string_view name;               // path, "\0abstract", "" = unnamed; as bound, any bytes; points into the dump
  uint32_t receive_queue = 0, send_queue = 0;  // bytes; listening: connections waiting, their limit
  bool queues_known = true, backlog_known = true;
  std::vector<uint32_t> waiting;  // listening: the clients whose connections are not yet accepted
};
Result<void> parse_unix_diag(std::string_view where, std::string_view dump,
                             const std::function<void(const UnixSocket&)>& each);

// "ESTABLISHED", "LISTEN" …; "UNKNOWN(13)". For udp: "ESTABLISHED", "UNCONNECTED"; for unix: "CONNECTED",
// "UNCONNECTED", "LISTEN", "CONNECTING".
std::string tcp_state_word(uint8_t state);
std::string udp_state_word(uint8_t state);
std::string unix_state_word(uint8_t state);
// "retransmit in 1.2 s", "keepalive in 2 h 0 min", "zero-window probe in 200.0 ms"; "" = none.
std::string timer_words(uint8_t timer, uint32_t milliseconds);

// The same dump with the attributes of all sockets left out that neither listen nor have one of these inodes: a host
// with 300,000 connections stays affordable. What it cannot read stays as it is.
std::string without_foreign_attributes(std::string_view dump, const std::unordered_set<uint64_t>& inodes);

}  // namespace ec
