// The debug information of one file: its sections, and where its units begin. Private to symbolize/.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "symbolize/dwarf_abbrevs.h"
#include "symbolize/dwarf_section.h"

namespace ec {

// DWARF 5, sections 7.5.1.1 to 7.5.1.3; before version 5 every unit in .debug_info is DW_UT_compile here.
struct DwarfUnitHeader {
  uint64_t offset = 0, end = 0, root = 0;  // in .debug_info: of the header, behind the unit, of its first entry
  uint64_t abbrevs = 0;                    // in .debug_abbrev
  uint64_t split_id = 0;                   // of a skeleton or split unit of version 5
  uint8_t type = 0;                        // DW_UT_…
  DwarfFormat format;
};

// Of the unit whose header is at the start of `bytes`, at `offset` in its section. Nothing when that is no header of
// DWARF 2 to 5. `end` may be beyond the end of the section.
std::optional<DwarfUnitHeader> parse_unit_header(std::string_view bytes, uint64_t offset);

// Not thread-safe.
class DwarfImage {
 public:
  // `split`: the sections of split debug information, whose names end with ".dwo". Errors: not_found when there is no
  // debug information; skipped when what is compressed would take more than 256 MiB; unsupported, malformed.
  static Result<DwarfImage> open(std::shared_ptr<const ElfFile> file, bool split = false);

  DwarfSection info, abbrev, line, str, line_str, str_offsets, addr, ranges, rnglists;
  bool split = false;

  const ElfFile& file() const { return *file_; }
  std::shared_ptr<const ElfFile> shared_file() const { return file_; }

  // In order. Read once; bounded.
  const std::vector<DwarfUnitHeader>& units();
  // The one that holds this offset in .debug_info, null when none does.
  const DwarfUnitHeader* unit_at(uint64_t offset);
  // The table of a unit up to this code, for its first entry. Nothing when that is not in its first 64 KiB, and after
  // all the units of the file took too much.
  std::optional<DwarfAbbrevs> abbrevs_up_to(const DwarfUnitHeader& unit, uint64_t code);
  // Null when the table is damaged, longer than 4 MiB, or one too many of all. Valid until forget().
  const DwarfAbbrevs* abbrevs_of(const DwarfUnitHeader& unit);
  // Of a form that needs no unit; valid until the next call or as long as the value.
  std::string_view text_of(const DwarfValue& value);
  size_t weight() const { return weight_; }  // bytes of the tables kept, and of those that were damaged
  void forget();

 private:
  struct TableKey {
    uint64_t offset;
    uint8_t address_size, offset_size;
    bool version_2;
    auto operator<=>(const TableKey&) const = default;
  };
  std::shared_ptr<const ElfFile> file_;
  std::optional<std::vector<DwarfUnitHeader>> units_;
  std::map<TableKey, std::optional<DwarfAbbrevs>> tables_;
  size_t weight_ = 0;
  uint64_t root_work_ = 0;
};

}  // namespace ec
