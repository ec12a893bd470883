#include "collector/proc/meminfo.h"

#include <limits>

#include "collector/base/text.h"

namespace ec {

Result<std::map<std::string, uint64_t, std::less<>>> parse_meminfo(std::string_view where, std::string_view text) {
  std::map<std::string, uint64_t, std::less<>> values;
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto name = fields.word();
    if (!name) continue;
    if (*name == "Node") {
      fields.word();
      name = fields.word();
    }
    auto value = fields.number<uint64_t>();
    if (!name || !name->ends_with(':') || !value) return tl::unexpected(lines.expected("\"Name: number [kB]\""));
    name->remove_suffix(1);
    if (fields.word() == "kB") {
      if (*value > std::numeric_limits<uint64_t>::max() / 1024)
        return tl::unexpected(lines.expected("a size that fits"));
      *value *= 1024;
    }
    values.insert_or_assign(std::string(*name), *value);
  }
  if (!values.contains("MemTotal")) return fail(ErrorCode::kTruncated, std::string(where), "expected MemTotal");
  return values;
}

}  // namespace ec
