#include "collector/proc/net_dev.h"

#include <array>

#include "collector/base/text.h"

namespace ec {

Result<std::vector<InterfaceCounters>> parse_net_dev(std::string_view where, std::string_view text) {
  std::vector<InterfaceCounters> interfaces;
  LineCursor lines(where, text);
  if (!lines.next() || !lines.next())
    return fail(ErrorCode::kTruncated, std::string(where), "expected two header lines");
  while (auto line = lines.next()) {
    // An alias like "eth0:1" has a colon of its own, and a long number may touch the last one ("eth0:123").
    size_t colon = line->rfind(':');
    if (colon == std::string_view::npos) return tl::unexpected(lines.expected("\"interface: counters\""));
    InterfaceCounters i;
    i.name = printable_line(trim(line->substr(0, colon)), 64);
    std::array<uint64_t, 16> values{};
    FieldCursor fields(line->substr(colon + 1));
    for (uint64_t& value : values) {
      auto number = fields.number<uint64_t>();
      if (!number) return tl::unexpected(lines.expected("16 counters"));
      value = *number;
    }
    i.rx_bytes = values[0];
    i.rx_packets = values[1];
    i.rx_errors = values[2];
    i.rx_drops = values[3];
    i.tx_bytes = values[8];
    i.tx_packets = values[9];
    i.tx_errors = values[10];
    i.tx_drops = values[11];
    interfaces.push_back(std::move(i));
  }
  return interfaces;
}

}  // namespace ec
