// Names of functions, found from the entries that describe them and what those refer to: DW_AT_abstract_origin and
// DW_AT_specification, in the same unit, in another, or in the file of dwz(1). Private to symbolize/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "symbolize/dwarf_unit.h"

namespace ec {

struct FunctionName {
  std::string_view text;    // "" = none
  bool short_name = false;  // without namespace and parameters (DW_AT_name)
};

// Not thread-safe.
class DwarfNames {
 public:
  explicit DwarfNames(bool demangled) : demangled_(demangled) {}
  // Of the entry at this offset in .debug_info of the unit, which is loaded. Valid until forget().
  FunctionName of(DwarfUnit& unit, uint64_t entry);
  size_t weight() const { return weight_; }
  void forget();

 private:
  struct Key {
    const void* place;  // a section, or an image
    uint64_t offset;
    bool operator==(const Key&) const = default;
  };
  struct HashOfKey {
    size_t operator()(const Key& key) const {
      return static_cast<size_t>((reinterpret_cast<uintptr_t>(key.place) ^ key.offset * 0x9e3779b97f4a7c15u) >> 3);
    }
  };
  struct Entry {
    DwarfValue linkage, name, origin;
  };
  static Entry read(DwarfUnit& unit, uint64_t entry);
  FunctionName search(DwarfUnit& unit, uint64_t entry, int steps);
  FunctionName refer(DwarfUnit& unit, const DwarfValue& origin, int steps);
  FunctionName kept(DwarfUnit& unit, const DwarfValue& text, bool short_name);

  bool demangled_;
  std::unordered_map<Key, std::string, HashOfKey> texts_;
  std::unordered_map<Key, FunctionName, HashOfKey> entries_;
  size_t weight_ = 0;
};

}  // namespace ec
