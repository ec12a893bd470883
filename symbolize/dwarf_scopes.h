// The functions of one compilation unit and what was inlined into them. Private to symbolize/.
#pragma once

#include <cstdint>
#include <vector>

#include "symbolize/dwarf_unit.h"

namespace ec {

struct DwarfScope {
  uint64_t entry = 0;   // in .debug_info: DW_TAG_subprogram or DW_TAG_inlined_subroutine
  int32_t parent = -1;  // the scope it was inlined into
  // Of an inlined one; file 0 exists from DWARF 5 on, -1 = none.
  int32_t call_file = -1;
  int32_t call_line = 0, call_column = 0;
  bool inlined = false;
};

class DwarfScopes {
 public:
  // Walks the unit once. Condition: unit.load() was true.
  void read(DwarfUnit& unit);
  // -1: none.
  int innermost(uint64_t address) const;
  const DwarfScope& operator[](int index) const { return scopes_[static_cast<size_t>(index)]; }
  size_t size() const { return scopes_.size(); }
  size_t weight() const { return scopes_.size() * sizeof(DwarfScope) + steps_.size() * sizeof(Step); }

 private:
  struct Range {
    uint64_t low, high;
    int32_t scope, depth;
  };
  struct Step {
    uint64_t start;  // up to the next step
    int32_t scope;   // -1: none
  };
  struct Entry;
  class Walk;
  void flatten(std::vector<Range>& ranges);

  std::vector<DwarfScope> scopes_;
  std::vector<Step> steps_;
};

}  // namespace ec
