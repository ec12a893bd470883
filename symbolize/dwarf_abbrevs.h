// The shapes of the entries of a unit (.debug_abbrev; DWARF 5, section 7.5.3), prepared for passing over entries fast.
// Private to symbolize/.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "symbolize/dwarf_forms.h"

namespace ec {

struct DwarfAttribute {
  uint16_t name, form;
  int64_t implicit;
};

struct DwarfAbbrev {
  uint16_t tag = 0;
  bool children = false, sibling = false;  // sibling: has DW_AT_sibling
  int size = -1;                           // of all values; -1: it depends on them
  uint32_t first = 0, count = 0;           // attributes
};

class DwarfAbbrevs {
 public:
  // The table at the start of `bytes`. With `only`, entries after that code are left out. Nothing when the bytes end
  // before it does.
  static std::optional<DwarfAbbrevs> parse(std::string_view bytes, DwarfFormat format, uint64_t only = 0);

  const DwarfAbbrev* find(uint64_t code) const {
    if (code - 1 < in_order_) return &entries_[code - 1];
    return in_order_ == entries_.size() ? nullptr : find_odd(code);
  }
  const DwarfAttribute* attributes(const DwarfAbbrev& abbrev) const { return attributes_.data() + abbrev.first; }
  size_t weight() const { return entries_.size() * sizeof(DwarfAbbrev) + attributes_.size() * sizeof(DwarfAttribute); }

 private:
  const DwarfAbbrev* find_odd(uint64_t code) const;
  std::vector<DwarfAbbrev> entries_;
  std::vector<DwarfAttribute> attributes_;
  size_t in_order_ = 0;                         // so many of the entries have the codes 1, 2, 3 …
  std::unordered_map<uint64_t, uint32_t> odd_;  // the others
};

}  // namespace ec
