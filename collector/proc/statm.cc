#include "collector/proc/statm.h"

#include "collector/base/text.h"

namespace ec {

Result<Statm> parse_statm(std::string_view where, std::string_view text) {
  LineCursor lines(where, text);
  FieldCursor fields(lines.next().value_or(""));
  auto size = fields.number<uint64_t>(), resident = fields.number<uint64_t>(), shared = fields.number<uint64_t>(),
       code = fields.number<uint64_t>();
  auto library = fields.number<uint64_t>(), data = fields.number<uint64_t>();
  if (!size || !resident || !shared || !code || !library || !data)
    return tl::unexpected(lines.expected("six numbers of pages"));
  return Statm{*size, *resident, *shared, *code, *data};
}

}  // namespace ec
