#include "symbolize/dwarf_abbrevs.h"

#include <dwarf.h>

namespace ec {

std::optional<DwarfAbbrevs> DwarfAbbrevs::parse(std::string_view bytes, DwarfFormat format, uint64_t only) {
  DwarfAbbrevs table;
  DwarfCursor cursor(bytes);
  while (cursor.ok()) {
    uint64_t code = cursor.uleb();
    if (!cursor.ok()) break;
    if (code == 0) return table;
    DwarfAbbrev abbrev;
    uint64_t tag = cursor.uleb();
    abbrev.tag = tag > UINT16_MAX ? uint16_t{0} : static_cast<uint16_t>(tag);
    abbrev.children = cursor.u8() != 0;
    abbrev.first = static_cast<uint32_t>(table.attributes_.size());
    int64_t total = 0;
    bool known = true;
    while (true) {
      uint64_t name = cursor.uleb(), form = cursor.uleb();
      if (!cursor.ok() || (name == 0 && form == 0)) break;
      int64_t implicit = form == DW_FORM_implicit_const ? cursor.sleb() : 0;
      // A number that is too big is one that nobody knows.
      DwarfAttribute attribute{name > UINT16_MAX ? uint16_t{0} : static_cast<uint16_t>(name),
                               form > UINT16_MAX ? uint16_t{0} : static_cast<uint16_t>(form), implicit};
      table.attributes_.push_back(attribute);
      if (attribute.name == DW_AT_sibling) abbrev.sibling = true;
      int size = fixed_size(attribute.form, format);
      known = known && size >= 0;
      total += size;
    }
    if (!cursor.ok()) break;
    abbrev.count = static_cast<uint32_t>(table.attributes_.size()) - abbrev.first;
    if (known && total <= INT32_MAX) abbrev.size = static_cast<int>(total);
    table.entries_.push_back(abbrev);
    if (code == table.in_order_ + 1 && table.odd_.empty())
      ++table.in_order_;
    else
      table.odd_.emplace(code, static_cast<uint32_t>(table.entries_.size() - 1));
    if (code == only) return table;
  }
  return std::nullopt;
}

const DwarfAbbrev* DwarfAbbrevs::find_odd(uint64_t code) const {
  auto found = odd_.find(code);
  return found == odd_.end() ? nullptr : &entries_[found->second];
}

}  // namespace ec
