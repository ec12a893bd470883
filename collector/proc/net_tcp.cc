#include "collector/proc/net_tcp.h"

#include <algorithm>
#include <cstring>

#include "collector/base/text.h"

namespace ec {

namespace {

// "0100007F:1F90": each 32-bit word of the address in the byte order of the machine, the port as a number.
bool take_address(std::optional<std::string_view> field, InetAddress& address) {
  if (!field) return false;
  size_t colon = field->find(':');
  if (colon != 8 && colon != 32) return false;
  address.v6 = colon == 32;
  for (size_t word = 0; word < colon / 8; ++word) {
    auto value = parse_number<uint32_t>(field->substr(word * 8, 8), 16);
    if (!value) return false;
    std::memcpy(address.bytes.data() + word * 4, &*value, 4);
  }
  auto port = parse_number<uint16_t>(field->substr(colon + 1), 16);
  address.port = port.value_or(0);
  return port.has_value();
}

// "00000000:0000001A": two hexadecimal numbers.
bool take_pair(std::optional<std::string_view> field, uint32_t& first, uint32_t& second) {
  if (!field) return false;
  size_t colon = field->find(':');
  if (colon == std::string_view::npos) return false;
  auto a = parse_number<uint32_t>(field->substr(0, colon), 16),
       b = parse_number<uint32_t>(field->substr(colon + 1), 16);
  first = a.value_or(0);
  second = b.value_or(0);
  return a && b;
}

}  // namespace

Result<void> parse_net_tcp(std::string_view where, std::string_view text, int64_t clock_ticks,
                           const std::function<void(const InetSocket&)>& each) {
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto slot = fields.word();
    if (!slot || *slot == "sl") continue;  // the heading
    InetSocket socket;
    socket.backlog_known = false;
    uint32_t timer = 0, timer_ticks = 0;
    if (!take_address(fields.word(), socket.local) || !take_address(fields.word(), socket.remote))
      return tl::unexpected(lines.expected("local and remote address"));
    auto state = fields.number<uint8_t>(16);
    if (!state || !take_pair(fields.word(), socket.send_queue, socket.receive_queue) ||
        !take_pair(fields.word(), timer, timer_ticks))
      return tl::unexpected(lines.expected("state, queues and timer"));
    auto unanswered = fields.number<uint32_t>(16);
    auto uid = fields.number<uint32_t>();
    auto timeout = fields.word();
    auto inode = fields.number<uint64_t>();
    if (!unanswered || !uid || !timeout || !inode)
      return tl::unexpected(lines.expected("retransmits, uid, timeout and inode"));
    socket.state = *state;
    socket.timer = static_cast<uint8_t>(std::min(timer, 255u));
    uint64_t milliseconds = clock_ticks > 0 ? uint64_t{timer_ticks} * 1000 / static_cast<uint64_t>(clock_ticks) : 0;
    socket.timer_ms = static_cast<uint32_t>(std::min<uint64_t>(milliseconds, UINT32_MAX));
    socket.unanswered = static_cast<uint8_t>(std::min(*unanswered, 255u));
    socket.uid = *uid;
    socket.inode = *inode;
    // udp and raw: "ref pointer drops" end the line. tcp: ref, pointer and then five figures of the congestion control.
    auto ref = fields.word(), pointer = fields.word();
    auto drops = fields.number<uint64_t>();
    if (ref && pointer && drops && fields.rest().find_first_not_of(' ') == std::string_view::npos)
      socket.drops = *drops;
    each(socket);
  }
  return {};
}

}  // namespace ec
