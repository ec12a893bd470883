#include "collector/proc/limits.h"

#include "collector/base/text.h"

namespace ec {

namespace {

bool take_limit(FieldCursor& fields, std::optional<uint64_t>& limit) {
  auto word = fields.word();
  if (!word) return false;
  if (*word == "unlimited") {
    limit.reset();
    return true;
  }
  limit = parse_number<uint64_t>(*word);
  return limit.has_value();
}

}  // namespace

Result<std::map<std::string, LimitEntry>> parse_limits(std::string_view where, std::string_view text) {
  constexpr size_t kNameWidth = 25;  // "%-25s " of proc_pid_limits(), fs/proc/base.c
  std::map<std::string, LimitEntry> limits;
  LineCursor lines(where, text);
  auto header = lines.next();
  if (!header) return fail(ErrorCode::kTruncated, std::string(where), "expected a header line");
  if (!header->starts_with("Limit ")) return tl::unexpected(lines.expected("the header Limit"));
  while (auto line = lines.next()) {
    if (line->size() <= kNameWidth) return tl::unexpected(lines.expected("a name of 25 columns and two limits"));
    LimitEntry entry;
    FieldCursor fields(line->substr(kNameWidth));
    if (!take_limit(fields, entry.soft) || !take_limit(fields, entry.hard))
      return tl::unexpected(lines.expected("a number or unlimited, twice"));
    entry.unit = fields.word().value_or("");
    limits.insert_or_assign(std::string(trim(line->substr(0, kNameWidth))), std::move(entry));
  }
  return limits;
}

}  // namespace ec
