#include "collector/profile/go_text_frame.h"

#include "collector/base/text.h"

namespace ec {

namespace {

// "main.wait+0x15" → "main.wait". A generic name may hold "+" itself, so only a trailing "+0x…" goes.
std::string_view without_offset(std::string_view name) {
  size_t plus = name.rfind("+0x");
  if (plus == std::string_view::npos || plus == 0) return name;
  return parse_number<uint64_t>(name.substr(plus + 3), 16) ? name.substr(0, plus) : name;
}

}  // namespace

std::optional<GoTextFrame> parse_go_text_frame(std::string_view line) {
  if (!line.starts_with('#')) return std::nullopt;
  FieldCursor fields(line.substr(1));
  auto word = fields.word();
  if (!word || !word->starts_with("0x")) return std::nullopt;
  auto address = parse_number<uint64_t>(word->substr(2), 16);
  if (!address) return std::nullopt;
  GoTextFrame frame;
  frame.address = *address;
  // Tabs, several of them to align the columns, end the name.
  auto rest = trim(fields.rest());
  size_t tab = rest.find('\t');
  frame.function = without_offset(trim(rest.substr(0, tab)));
  if (tab == std::string_view::npos) return frame;
  frame.file = trim(rest.substr(tab));
  size_t colon = frame.file.rfind(':');
  if (colon == std::string_view::npos) return frame;
  if (auto number = parse_number<int64_t>(frame.file.substr(colon + 1))) {
    frame.line = *number;
    frame.file = frame.file.substr(0, colon);
  }
  return frame;
}

}  // namespace ec
