#include "collector/proc/net_snmp.h"

#include "collector/base/text.h"

namespace ec {

Result<SnmpCounters> parse_net_snmp(std::string_view where, std::string_view text) {
  SnmpCounters counters;
  LineCursor lines(where, text);
  while (auto names_line = lines.next()) {
    FieldCursor names(*names_line);
    auto group = names.word();
    if (!group) continue;
    if (!group->ends_with(':')) return tl::unexpected(lines.expected("\"Group: names\""));
    auto values_line = lines.next();
    FieldCursor values(values_line.value_or(""));
    if (values.word() != group)
      return tl::unexpected(lines.expected(fmt::format("the values of {}", printable_line(*group, 40))));
    while (auto name = names.word()) {
      // Some counters are unsigned 64-bit; above 2^63 they count as absent rather than as an error.
      auto word = values.word();
      if (!word) return tl::unexpected(lines.expected(fmt::format("a value for {}", printable_line(*name, 40))));
      auto value = parse_number<int64_t>(*word);
      if (!value && !parse_number<uint64_t>(*word)) return tl::unexpected(lines.expected("a number"));
      if (value) counters.insert_or_assign(fmt::format("{}.{}", group->substr(0, group->size() - 1), *name), *value);
    }
  }
  return counters;
}

}  // namespace ec
