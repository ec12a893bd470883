// Values of attributes: DWARF 5, section 7.5.6; DWARF 2 to 4 and GNU's extensions alike. Private to symbolize/.
#pragma once

#include <cstdint>
#include <string_view>

#include "symbolize/dwarf_cursor.h"

namespace ec {

// What the sizes of values depend on. The same for all of a unit.
struct DwarfFormat {
  uint16_t version = 0;
  uint8_t address_size = 8, offset_size = 4;
  bool operator==(const DwarfFormat&) const = default;
};

struct DwarfValue {
  uint16_t form = 0;      // 0: the attribute is not there
  uint64_t number = 0;    // constants, offsets, indexes, references, addresses
  std::string_view text;  // DW_FORM_string, and the bytes of blocks
};

// Bytes of a value of this form, -1 when that depends on the value.
int fixed_size(uint16_t form, DwarfFormat format);

// `implicit` is the value that the abbreviation holds (DW_FORM_implicit_const). An unknown form fails the cursor: where
// it ends is unknown.
DwarfValue read_value(DwarfCursor& cursor, uint16_t form, int64_t implicit, DwarfFormat format);

// A constant that fits, of any form that holds one; else -1.
int64_t constant(const DwarfValue& value);

}  // namespace ec
