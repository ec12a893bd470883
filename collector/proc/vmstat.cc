#include "collector/proc/vmstat.h"

#include "collector/base/text.h"

namespace ec {

Result<NamedCounters> parse_named_counters(std::string_view where, std::string_view text) {
  NamedCounters counters;
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto name = fields.word();
    if (!name) continue;
    auto word = fields.word();
    // Some counters are kept per CPU and may be seen a little below zero.
    auto value =
        word && word->starts_with('-') ? std::optional<uint64_t>(0) : parse_number<uint64_t>(word.value_or(""));
    if (!value) return tl::unexpected(lines.expected("\"name number\""));
    counters.insert_or_assign(std::string(*name), *value);
  }
  if (counters.empty()) return fail(ErrorCode::kTruncated, std::string(where), "expected lines \"name number\"");
  return counters;
}

uint64_t zoned_counter(const NamedCounters& counters, std::string_view name) {
  if (auto whole = counters.find(name); whole != counters.end()) return whole->second;
  uint64_t sum = 0;
  for (std::string_view zone : {"dma", "dma32", "normal", "high", "movable", "device"}) {
    auto part = counters.find(fmt::format("{}_{}", name, zone));
    if (part != counters.end()) sum += part->second;
  }
  return sum;
}

}  // namespace ec
