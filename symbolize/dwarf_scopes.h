// The functions of one compilation unit and what was inlined into them. Private to symbolize/.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ec {

struct DwarfScope {
  Dwarf_Off entry = 0;  // DW_TAG_subprogram or DW_TAG_inlined_subroutine
  int parent = -1;      // the scope it was inlined into
  bool inlined = false;
  int call_file = -1;  // of an inlined one; file 0 exists from DWARF 5 on, -1 = none
  int call_line = 0, call_column = 0;
  // Read when asked for.
  std::string name;
  bool named = false, short_name = false;
};

class DwarfScopes {
 public:
  // Walks the unit once.
  void read(Dwarf_Die& unit);
  size_t size() const { return scopes_.size(); }
  // -1: none.
  int innermost(uint64_t address) const;
  // The scope with its name, demangled if wanted.
  const DwarfScope& named(Dwarf* dwarf, int index, bool demangled);

 private:
  struct Range {
    uint64_t low, high;
    int scope, depth;
  };
  struct Step {
    uint64_t start;  // up to the next step
    int scope;       // -1: none
  };
  void walk(Dwarf_Die& parent, int scope, int depth);
  int add(Dwarf_Die& die, bool inlined, int parent, int depth);
  void flatten();

  std::vector<DwarfScope> scopes_;
  std::vector<Range> ranges_;  // emptied by flatten()
  std::vector<Step> steps_;
  size_t visited_ = 0;
};

}  // namespace ec
