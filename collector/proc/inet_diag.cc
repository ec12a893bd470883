#include "collector/proc/inet_diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>

#include "collector/base/bytes.h"
#include "collector/base/text.h"

namespace ec {

namespace {

constexpr uint8_t kListen = 10;
constexpr size_t kHeader = NLMSG_HDRLEN;

struct Message {
  uint16_t type = 0;
  size_t offset = 0;       // of the header, within the dump
  std::string_view whole;  // header, payload and padding
  std::string_view payload;
};

enum class Step { kMessage, kEnd, kProblem };

// Walks over netlink messages; the errors that the kernel puts between them become errors.
class Messages {
 public:
  Messages(std::string_view where, std::string_view dump) : where_(where), cursor_(dump) {}

  Step next(Message& message, Error& problem) {
    while (true) {
      size_t offset = cursor_.offset();
      auto header = cursor_.read<nlmsghdr>();
      if (!header) {
        problem = error(ErrorCode::kTruncated, offset, "expected a netlink message: the dump has no end marker");
        return Step::kProblem;
      }
      if (header->nlmsg_len < kHeader) {
        problem = error(ErrorCode::kMalformed, offset, "expected a message length of 16 or more");
        return Step::kProblem;
      }
      auto payload = cursor_.take(header->nlmsg_len - kHeader);
      if (!payload) {
        problem = error(ErrorCode::kTruncated, offset, "expected the whole of a netlink message");
        return Step::kProblem;
      }
      cursor_.skip(std::min(netlink_aligned(payload->size()) - payload->size(), cursor_.remaining()));
      if (header->nlmsg_type == NLMSG_NOOP) continue;
      int code = 0;
      if (payload->size() >= sizeof code) std::memcpy(&code, payload->data(), sizeof code);
      if (header->nlmsg_type == NLMSG_DONE && code >= 0) return Step::kEnd;
      if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) {
        int number = code < 0 && code > -4096 ? -code : EPROTO;
        problem = sys_error(std::string(where_), number, "the kernel refused the dump");
        return Step::kProblem;
      }
      message = Message{header->nlmsg_type, offset, {}, *payload};
      return Step::kMessage;
    }
  }
  Error error(ErrorCode code, size_t offset, std::string_view detail) const {
    return Error{code, fmt::format("{}+0x{:x}", where_, offset), std::string(detail), 0};
  }

 private:
  std::string_view where_;
  ByteCursor cursor_;
};

// Calls take(type, bytes) for each netlink attribute; false when one is longer than what is left.
template <class Take>
bool each_attribute(std::string_view bytes, Take take) {
  ByteCursor cursor(bytes);
  while (cursor.remaining() >= sizeof(nlattr)) {
    auto header = cursor.read<nlattr>();
    if (!header || header->nla_len < sizeof(nlattr)) return false;
    auto value = cursor.take(header->nla_len - sizeof(nlattr));
    if (!value) return false;
    cursor.skip(std::min(NLA_ALIGN(value->size()) - value->size(), cursor.remaining()));
    take(static_cast<uint16_t>(header->nla_type & NLA_TYPE_MASK), *value);
  }
  return true;
}

TcpFigures tcp_figures(std::string_view bytes) {
  tcp_info info{};
  std::memcpy(static_cast<void*>(&info), bytes.data(), std::min(bytes.size(), sizeof info));
  TcpFigures figures;
  figures.retransmits = info.tcpi_retransmits;
  figures.rtt_us = info.tcpi_rtt;
  figures.rtt_variance_us = info.tcpi_rttvar;
  figures.total_retransmits = info.tcpi_total_retrans;
  figures.last_sent_ms = info.tcpi_last_data_sent;
  figures.last_received_ms = info.tcpi_last_data_recv;
  auto has = [&](size_t offset) { return bytes.size() >= offset + sizeof(uint64_t); };
  if (has(offsetof(tcp_info, tcpi_bytes_acked))) figures.bytes_acked = info.tcpi_bytes_acked;
  if (has(offsetof(tcp_info, tcpi_bytes_received))) figures.bytes_received = info.tcpi_bytes_received;
  if (has(offsetof(tcp_info, tcpi_bytes_sent))) figures.bytes_sent = info.tcpi_bytes_sent;
  return figures;
}

InetAddress address(const inet_diag_sockid& id, uint8_t family, bool remote) {
  InetAddress parsed;
  parsed.v6 = family == AF_INET6;
  std::memcpy(parsed.bytes.data(), remote ? id.idiag_dst : id.idiag_src, parsed.v6 ? 16 : 4);
  parsed.port = ntohs(remote ? id.idiag_dport : id.idiag_sport);
  return parsed;
}

// tcp_info up to tcpi_total_retrans is as old as Linux 2.6: shorter ones are damage.
constexpr size_t kShortestTcpInfo = offsetof(tcp_info, tcpi_total_retrans) + sizeof(uint32_t);

std::optional<InetSocket> inet_socket(std::string_view payload) {
  ByteCursor cursor(payload);
  auto message = cursor.read<inet_diag_msg>();
  if (!message) return std::nullopt;
  InetSocket socket;
  socket.local = address(message->id, message->idiag_family, false);
  socket.remote = address(message->id, message->idiag_family, true);
  socket.state = message->idiag_state;
  socket.timer = message->idiag_timer;
  socket.unanswered = message->idiag_retrans;
  socket.timer_ms = message->idiag_expires;
  socket.receive_queue = message->idiag_rqueue;
  socket.send_queue = message->idiag_wqueue;
  socket.uid = message->idiag_uid;
  socket.inode = message->idiag_inode;
  cursor.skip(std::min(netlink_aligned(sizeof(inet_diag_msg)) - sizeof(inet_diag_msg), cursor.remaining()));
  bool whole = each_attribute(payload.substr(cursor.offset()), [&](uint16_t type, std::string_view value) {
    if (type == INET_DIAG_INFO && value.size() >= kShortestTcpInfo) socket.tcp = tcp_figures(value);
    if (type == INET_DIAG_SKMEMINFO && value.size() >= (SK_MEMINFO_DROPS + 1) * sizeof(uint32_t)) {
      uint32_t drops = 0;
      std::memcpy(&drops, value.data() + SK_MEMINFO_DROPS * sizeof(uint32_t), sizeof drops);
      socket.drops = drops;
    }
  });
  return whole ? std::optional(socket) : std::nullopt;
}

std::optional<UnixSocket> unix_socket(std::string_view payload) {
  ByteCursor cursor(payload);
  auto message = cursor.read<unix_diag_msg>();
  if (!message) return std::nullopt;
  UnixSocket socket;
  socket.inode = message->udiag_ino;
  socket.type = message->udiag_type;
  socket.state = message->udiag_state;
  socket.queues_known = socket.backlog_known = false;
  bool whole = each_attribute(payload.substr(cursor.offset()), [&](uint16_t type, std::string_view value) {
    ByteCursor words(value);
    if (type == UNIX_DIAG_NAME) {
      // A path comes with or without its final NUL; an abstract name begins with one and may hold more.
      if (!value.empty() && value[0] != '\0') value = value.substr(0, value.find('\0'));
      socket.name = value;
    }
    if (type == UNIX_DIAG_PEER) socket.peer_inode = words.read<uint32_t>().value_or(0);
    if (type == UNIX_DIAG_ICONS)
      while (auto inode = words.read<uint32_t>()) socket.waiting.push_back(*inode);
    if (auto queues = type == UNIX_DIAG_RQLEN ? words.read<unix_diag_rqlen>() : std::nullopt) {
      socket.receive_queue = queues->udiag_rqueue;
      socket.send_queue = queues->udiag_wqueue;
      socket.queues_known = socket.backlog_known = true;
    }
  });
  return whole ? std::optional(std::move(socket)) : std::nullopt;
}

template <class Each, class Decode>
Result<void> parse_dump(std::string_view where, std::string_view dump, Decode decode, const Each& each) {
  Messages messages(where, dump);
  Message message;
  Error problem;
  while (true) {
    Step step = messages.next(message, problem);
    if (step == Step::kEnd) return {};
    if (step == Step::kProblem) return tl::unexpected(std::move(problem));
    if (message.type != SOCK_DIAG_BY_FAMILY) continue;
    auto socket = decode(message.payload);
    if (!socket)
      return tl::unexpected(messages.error(ErrorCode::kMalformed, message.offset, "expected a socket message"));
    each(*socket);
  }
}

}  // namespace

bool InetAddress::unspecified() const {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

std::string InetAddress::text() const {
  char buffer[INET6_ADDRSTRLEN] = "";
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer, sizeof buffer);
  return v6 ? fmt::format("[{}]:{}", buffer, port) : fmt::format("{}:{}", buffer, port);
}

Result<void> parse_inet_diag(std::string_view where, std::string_view dump,
                             const std::function<void(const InetSocket&)>& each) {
  return parse_dump(where, dump, inet_socket, each);
}

Result<void> parse_unix_diag(std::string_view where, std::string_view dump,
                             const std::function<void(const UnixSocket&)>& each) {
  return parse_dump(where, dump, unix_socket, each);
}

std::string tcp_state_word(uint8_t state) {
  constexpr std::array<std::string_view, 13> kWords{"",          "ESTABLISHED", "SYN_SENT", "SYN_RECV",   "FIN_WAIT1",
                                                    "FIN_WAIT2", "TIME_WAIT",   "CLOSE",    "CLOSE_WAIT", "LAST_ACK",
                                                    "LISTEN",    "CLOSING",     "SYN_RECV"};
  if (state == 0 || state >= kWords.size()) return fmt::format("UNKNOWN({})", state);
  return std::string(kWords[state]);
}

std::string udp_state_word(uint8_t state) { return state == 7 ? "UNCONNECTED" : tcp_state_word(state); }

std::string unix_state_word(uint8_t state) {
  switch (state) {
    case 1:
      return "CONNECTED";
    case 2:
      return "CONNECTING";
    case 7:
      return "UNCONNECTED";
    case kListen:
      return "LISTEN";
    default:
      return fmt::format("UNKNOWN({})", state);
  }
}

std::string timer_words(uint8_t timer, uint32_t milliseconds) {
  constexpr std::array<std::string_view, 5> kTimers{"", "retransmit", "keepalive", "time wait", "zero-window probe"};
  if (timer == 0 || timer >= kTimers.size()) return {};
  return fmt::format("{} in {}", kTimers[timer], human_duration(milliseconds / 1000.0));
}

std::string without_foreign_attributes(std::string_view dump, const std::unordered_set<uint64_t>& inodes) {
  std::string kept;
  kept.reserve(dump.size() / 2);
  size_t offset = 0;
  while (dump.size() - offset >= kHeader) {
    nlmsghdr header;
    std::memcpy(&header, dump.data() + offset, sizeof header);
    size_t length = netlink_aligned(header.nlmsg_len);
    if (header.nlmsg_len < kHeader || length > dump.size() - offset) break;
    std::string_view whole = dump.substr(offset, length);
    constexpr size_t kBare = kHeader + sizeof(inet_diag_msg);
    inet_diag_msg message{};
    bool strip = header.nlmsg_type == SOCK_DIAG_BY_FAMILY && length > kBare;
    if (strip) {
      std::memcpy(&message, whole.data() + kHeader, sizeof message);
      strip = message.idiag_state != kListen && !inodes.contains(message.idiag_inode);
    }
    if (strip) {
      header.nlmsg_len = kBare;
      kept.append(reinterpret_cast<const char*>(&header), sizeof header);
      kept += whole.substr(kHeader, sizeof(inet_diag_msg));
    } else {
      kept += whole;
    }
    offset += length;
  }
  kept += dump.substr(offset);
  return kept;
}

}  // namespace ec
