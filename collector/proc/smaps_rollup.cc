#include "collector/proc/smaps_rollup.h"

#include "collector/base/text.h"

namespace ec {

namespace {

struct Field {
  std::string_view key;
  uint64_t SmapsRollup::*field;
};
constexpr Field kFields[] = {
    {"Rss", &SmapsRollup::rss},
    {"Pss", &SmapsRollup::pss},
    {"Pss_Anon", &SmapsRollup::pss_anon},
    {"Pss_File", &SmapsRollup::pss_file},
    {"Pss_Shmem", &SmapsRollup::pss_shmem},
    {"Shared_Clean", &SmapsRollup::shared_clean},
    {"Shared_Dirty", &SmapsRollup::shared_dirty},
    {"Private_Clean", &SmapsRollup::private_clean},
    {"Private_Dirty", &SmapsRollup::private_dirty},
    {"Referenced", &SmapsRollup::referenced},
    {"Anonymous", &SmapsRollup::anonymous},
    {"LazyFree", &SmapsRollup::lazy_free},
    {"AnonHugePages", &SmapsRollup::anon_huge_pages},
    {"Swap", &SmapsRollup::swap},
    {"SwapPss", &SmapsRollup::swap_pss},
    {"Locked", &SmapsRollup::locked},
};

}  // namespace

Result<SmapsRollup> parse_smaps_rollup(std::string_view where, std::string_view text) {
  SmapsRollup rollup;
  bool has_rss = false;
  LineCursor lines(where, text);
  lines.next();  // the address range of the whole process and "[rollup]"
  while (auto line = lines.next()) {
    size_t colon = line->find(':');
    if (colon == std::string_view::npos) return tl::unexpected(lines.expected("Key: number kB"));
    std::string_view key = line->substr(0, colon);
    for (const Field& known : kFields) {
      if (key != known.key) continue;
      FieldCursor fields(line->substr(colon + 1));
      auto kib = fields.number<uint64_t>();
      if (!kib || *kib > UINT64_MAX / 1024 || fields.word() != "kB")
        return tl::unexpected(lines.expected("a number of kB"));
      rollup.*known.field = *kib * 1024;
      has_rss = has_rss || key == "Rss";
    }
  }
  if (!has_rss) return fail(ErrorCode::kTruncated, std::string(where), "expected a line Rss");
  return rollup;
}

}  // namespace ec
