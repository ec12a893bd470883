#include "collector/proc/net_unix.h"

#include "collector/base/text.h"

namespace ec {

Result<void> parse_net_unix(std::string_view where, std::string_view text,
                            const std::function<void(const UnixSocket&)>& each) {
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto number = fields.word();
    if (!number || *number == "Num") continue;  // the heading
    auto references = fields.word(), protocol = fields.word();
    auto flags = fields.number<uint32_t>(16), type = fields.number<uint32_t>(16), state = fields.number<uint32_t>(16);
    auto inode = fields.number<uint64_t>();
    if (!references || !protocol || !flags || !type || !state || !inode)
      return tl::unexpected(lines.expected("number, references, protocol, flags, type, state, inode"));
    UnixSocket socket;
    socket.inode = *inode;
    socket.type = static_cast<uint8_t>(*type);
    // net/unix/af_unix.c: __SO_ACCEPTCON, then the states of linux/net.h: SS_UNCONNECTED 1, CONNECTING 2, CONNECTED 3.
    bool listening = *flags & 0x10000;
    socket.state = listening ? 10 : *state == 3 ? 1 : *state == 2 ? 2 : 7;
    socket.queues_known = socket.backlog_known = false;
    if (fields.rest().starts_with(' ')) socket.name = fields.rest().substr(1);
    each(socket);
  }
  return {};
}

Result<void> parse_net_netlink(std::string_view where, std::string_view text,
                               const std::function<void(const OtherSocket&)>& each) {
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    auto fields = split_fields(*line);
    if (fields.empty() || fields[0] == "sk") continue;
    // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
    if (fields.size() < 10) return tl::unexpected(lines.expected("ten fields of a netlink socket"));
    auto family = parse_number<uint32_t>(fields[1]), port = parse_number<uint32_t>(fields[2]);
    auto queue = parse_number<uint64_t>(fields[4]), drops = parse_number<uint64_t>(fields[8]);
    auto inode = parse_number<uint64_t>(fields[9]);
    if (!family || !port || !queue || !drops || !inode)
      return tl::unexpected(lines.expected("numbers: family, port id, memory, drops and inode"));
    each(OtherSocket{*inode, *queue, *family, *port, *drops});
  }
  return {};
}

Result<void> parse_net_packet(std::string_view where, std::string_view text,
                              const std::function<void(const OtherSocket&)>& each) {
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    auto fields = split_fields(*line);
    if (fields.empty() || fields[0] == "sk") continue;
    // sk RefCnt Type Proto Iface R Rmem User Inode
    if (fields.size() < 9) return tl::unexpected(lines.expected("nine fields of a packet socket"));
    auto protocol = parse_number<uint32_t>(fields[3], 16), interface = parse_number<uint32_t>(fields[4]);
    auto queue = parse_number<uint64_t>(fields[6]), inode = parse_number<uint64_t>(fields[8]);
    if (!protocol || !interface || !queue || !inode)
      return tl::unexpected(lines.expected("numbers: protocol, interface, memory and inode"));
    each(OtherSocket{*inode, *queue, *protocol, *interface, std::nullopt});
  }
  return {};
}

}  // namespace ec
