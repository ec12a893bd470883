#include "collector/proc/passwd.h"

#include "collector/base/text.h"

namespace ec {

std::string_view account_line(std::string_view text, uint32_t id) {
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) end = text.size();
    std::string_view line = text.substr(begin, end - begin);
    size_t first = line.find(':');
    size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second != std::string_view::npos) {
      size_t third = line.find(':', second + 1);
      std::string_view field = line.substr(second + 1, third == std::string_view::npos ? third : third - second - 1);
      if (parse_number<uint32_t>(field) == id) return text.substr(begin, end - begin + (end < text.size() ? 1 : 0));
    }
    begin = end + 1;
  }
  return {};
}

std::string account_name(std::string_view text, uint32_t id) {
  std::string_view line = account_line(text, id);
  return std::string(line.substr(0, line.find(':')));
}

std::optional<uint32_t> id_inside(std::string_view id_map, uint32_t outside_id) {
  LineCursor lines("uid_map", id_map);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto inside = fields.number<uint32_t>(), outside = fields.number<uint32_t>(), count = fields.number<uint32_t>();
    if (!inside || !outside || !count) return std::nullopt;
    if (outside_id >= *outside && outside_id - *outside < *count) return *inside + (outside_id - *outside);
  }
  return std::nullopt;
}

}  // namespace ec
