// One unit of debug information: its first entry, and how the values of its entries are resolved. Private to
// symbolize/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "symbolize/dwarf_image.h"

namespace ec {

struct AddressRange {
  uint64_t low, high;  // [low, high)
};

// What says which addresses an entry has (DW_AT_low_pc, DW_AT_high_pc, DW_AT_ranges).
struct DwarfExtent {
  DwarfValue low, high, ranges;
};

// Not thread-safe. The images outlive it.
class DwarfUnit {
 public:
  DwarfUnit() = default;
  // Reads the first entry. `alt`: of dwz(1), may be null. `skeleton`: of a split unit, whose addresses are listed in
  // the file of the skeleton; else null.
  DwarfUnit(DwarfImage& image, const DwarfUnitHeader& header, DwarfImage* alt, const DwarfUnit* skeleton = nullptr);

  // The first entry.
  uint16_t tag = 0;  // 0: it cannot be read
  DwarfExtent extent;
  std::optional<uint64_t> line_offset;  // in .debug_line
  std::string compiled_in;              // DW_AT_comp_dir
  std::string split_name;               // DW_AT_dwo_name: this is a skeleton
  uint64_t split_id = 0;

  DwarfImage* image = nullptr;
  DwarfImage* alt = nullptr;
  DwarfUnitHeader header;
  // After load().
  const DwarfAbbrevs* abbrevs = nullptr;
  std::string bytes;  // of the unit with its header

  // Reads all of the unit. False when it cannot be.
  bool load();
  // Up to `most` ranges are appended; empty ones, and those that the linker set to 0 for code it left out, are not.
  // `looked_at` counts entries of lists, up to `most` as well.
  void ranges(const DwarfExtent& of, size_t most, size_t& looked_at, std::vector<AddressRange>& out);
  // A string that is in no section is found in the value; valid until the next call.
  std::string_view text(const DwarfValue& value);
  // Where a string is: its section, and its offset in that. Null for one inside the entry.
  DwarfSection* text_place(const DwarfValue& value, uint64_t& offset);

 private:
  void read_root();
  void take(const DwarfAttribute& attribute, const DwarfValue& value);
  void resolve_root(const DwarfValue& folder, const DwarfValue& split);
  std::optional<uint64_t> address(const DwarfValue& value);
  void old_list(uint64_t at, size_t most, size_t& looked_at, std::vector<AddressRange>& out);
  void new_list(uint64_t at, size_t most, size_t& looked_at, std::vector<AddressRange>& out);

  const DwarfUnit* skeleton_ = nullptr;
  uint64_t base_ = 0;  // that range lists count from
  uint64_t addresses_at_ = 0, strings_at_ = 0, lists_at_ = 0;
  uint64_t old_ranges_at_ = 0;  // GNU's split DWARF 4
};

}  // namespace ec
