#include "symbolize/dwarf_forms.h"

#include <dwarf.h>

namespace ec {

int fixed_size(uint16_t form, DwarfFormat format) {
  switch (form) {
    case DW_FORM_flag_present:
    case DW_FORM_implicit_const:
      return 0;
    case DW_FORM_data1:
    case DW_FORM_ref1:
    case DW_FORM_flag:
    case DW_FORM_strx1:
    case DW_FORM_addrx1:
      return 1;
    case DW_FORM_data2:
    case DW_FORM_ref2:
    case DW_FORM_strx2:
    case DW_FORM_addrx2:
      return 2;
    case DW_FORM_strx3:
    case DW_FORM_addrx3:
      return 3;
    case DW_FORM_data4:
    case DW_FORM_ref4:
    case DW_FORM_strx4:
    case DW_FORM_addrx4:
    case DW_FORM_ref_sup4:
      return 4;
    case DW_FORM_data8:
    case DW_FORM_ref8:
    case DW_FORM_ref_sig8:
    case DW_FORM_ref_sup8:
      return 8;
    case DW_FORM_data16:
      return 16;
    case DW_FORM_addr:
      return format.address_size;
    case DW_FORM_strp:
    case DW_FORM_line_strp:
    case DW_FORM_sec_offset:
    case DW_FORM_strp_sup:
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_GNU_strp_alt:
      return format.offset_size;
    case DW_FORM_ref_addr:  // the size of an address in DWARF 2
      return format.version == 2 ? format.address_size : format.offset_size;
    default:
      return -1;
  }
}

DwarfValue read_value(DwarfCursor& cursor, uint16_t form, int64_t implicit, DwarfFormat format) {
  if (form == DW_FORM_indirect) {
    uint64_t real = cursor.uleb();
    // One that leads to another, or to a value that the abbreviation would hold, is nonsense.
    form = real == DW_FORM_indirect || real == DW_FORM_implicit_const || real > UINT16_MAX
               ? uint16_t{0}
               : static_cast<uint16_t>(real);
  }
  DwarfValue value{form, 0, {}};
  switch (form) {
    case DW_FORM_flag_present:
      value.number = 1;
      return value;
    case DW_FORM_implicit_const:
      value.number = static_cast<uint64_t>(implicit);
      return value;
    case DW_FORM_data16:
      value.text = cursor.block(16);
      return value;
    case DW_FORM_sdata:
      value.number = static_cast<uint64_t>(cursor.sleb());
      return value;
    case DW_FORM_udata:
    case DW_FORM_ref_udata:
    case DW_FORM_strx:
    case DW_FORM_addrx:
    case DW_FORM_loclistx:
    case DW_FORM_rnglistx:
    case DW_FORM_GNU_addr_index:
    case DW_FORM_GNU_str_index:
      value.number = cursor.uleb();
      return value;
    case DW_FORM_string:
      value.text = cursor.text();
      return value;
    case DW_FORM_block1:
      value.text = cursor.block(cursor.u8());
      return value;
    case DW_FORM_block2:
      value.text = cursor.block(cursor.u16());
      return value;
    case DW_FORM_block4:
      value.text = cursor.block(cursor.u32());
      return value;
    case DW_FORM_block:
    case DW_FORM_exprloc:
      value.text = cursor.block(cursor.uleb());
      return value;
    default:
      int size = fixed_size(form, format);
      value.number = cursor.number(size < 0 ? 0 : static_cast<size_t>(size));  // 0 fails it
      return value;
  }
}

int64_t constant(const DwarfValue& value) {
  switch (value.form) {
    case DW_FORM_data1:
    case DW_FORM_data2:
    case DW_FORM_data4:
    case DW_FORM_data8:
    case DW_FORM_udata:
    case DW_FORM_sdata:
    case DW_FORM_implicit_const:
    case DW_FORM_sec_offset:
      return value.number > INT64_MAX ? -1 : static_cast<int64_t>(value.number);
    default:
      return -1;
  }
}

}  // namespace ec
