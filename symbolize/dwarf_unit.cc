#include "symbolize/dwarf_unit.h"

#include <dwarf.h>

#include <algorithm>

namespace ec {

namespace {

constexpr uint64_t kLargestUnit = 512u << 20;
constexpr size_t kLongestEntry = 64 * 1024;

void add_range(uint64_t low, uint64_t high, std::vector<AddressRange>& out) {
  if (low != 0 && low < high) out.push_back({low, high});
}

}  // namespace

DwarfUnit::DwarfUnit(DwarfImage& its_image, const DwarfUnitHeader& its_header, DwarfImage* its_alt,
                     const DwarfUnit* skeleton)
    : image(&its_image), alt(its_alt), header(its_header), skeleton_(skeleton) {
  split_id = header.split_id;
  // Where the tables begin when nothing says so: behind their headers. Only in .dwo files (DWARF 5, section 7.26 …).
  bool wide = header.format.offset_size == 8;
  if (header.format.version >= 5) {
    addresses_at_ = strings_at_ = wide ? 16 : 8;
    lists_at_ = wide ? 20 : 12;
  }
  if (skeleton) {
    addresses_at_ = skeleton->addresses_at_;
    old_ranges_at_ = skeleton->old_ranges_at_;
  }
  read_root();
  if (skeleton) base_ = skeleton->base_;
}

void DwarfUnit::read_root() {
  for (size_t wanted : {size_t{256}, kLongestEntry}) {
    auto length = static_cast<size_t>(std::min<uint64_t>(wanted, header.end - header.root));
    DwarfCursor cursor(image->info.at(header.root, length).substr(0, length));
    uint64_t code = cursor.uleb();
    auto table = image->abbrevs_up_to(header, code);
    const DwarfAbbrev* abbrev = table && cursor.ok() ? table->find(code) : nullptr;
    if (!abbrev) return;
    extent = {};
    DwarfValue folder, split;
    for (uint32_t i = 0; i < abbrev->count; ++i) {
      const DwarfAttribute& attribute = table->attributes(*abbrev)[i];
      DwarfValue value = read_value(cursor, attribute.form, attribute.implicit, header.format);
      if (!cursor.ok()) break;
      if (attribute.name == DW_AT_comp_dir) folder = value;
      if (attribute.name == DW_AT_dwo_name || attribute.name == DW_AT_GNU_dwo_name) split = value;
      take(attribute, value);
    }
    if (!cursor.ok() && wanted != kLongestEntry) continue;
    tag = abbrev->tag;
    resolve_root(folder, split);  // the bases may come after what they are for
    return;
  }
}

void DwarfUnit::take(const DwarfAttribute& attribute, const DwarfValue& value) {
  switch (attribute.name) {
    case DW_AT_low_pc:
      extent.low = value;
      break;
    case DW_AT_high_pc:
      extent.high = value;
      break;
    case DW_AT_ranges:
      extent.ranges = value;
      break;
    case DW_AT_stmt_list:
      if (constant(value) >= 0) line_offset = value.number;
      break;
    case DW_AT_addr_base:
    case DW_AT_GNU_addr_base:
      addresses_at_ = value.number;
      break;
    case DW_AT_str_offsets_base:
      strings_at_ = value.number;
      break;
    case DW_AT_rnglists_base:
      lists_at_ = value.number;
      break;
    case DW_AT_GNU_ranges_base:
      old_ranges_at_ = value.number;
      break;
    case DW_AT_GNU_dwo_id:
      split_id = value.number;
      break;
    default:
      break;
  }
}

void DwarfUnit::resolve_root(const DwarfValue& folder, const DwarfValue& split) {
  if (folder.form != 0) compiled_in = text(folder);
  if (split.form != 0) split_name = text(split);
  base_ = address(extent.low).value_or(0);
}

bool DwarfUnit::load() {
  if (!bytes.empty()) return true;
  if (header.end - header.offset > kLargestUnit) return false;
  abbrevs = image->abbrevs_of(header);
  if (!abbrevs) return false;
  bytes = image->info.copy(header.offset, header.end - header.offset);
  return bytes.size() > header.root - header.offset;
}

std::optional<uint64_t> DwarfUnit::address(const DwarfValue& value) {
  switch (value.form) {
    case DW_FORM_addr:
      return value.number;
    case DW_FORM_addrx:
    case DW_FORM_addrx1:
    case DW_FORM_addrx2:
    case DW_FORM_addrx3:
    case DW_FORM_addrx4:
    case DW_FORM_GNU_addr_index: {
      DwarfSection& section = skeleton_ ? skeleton_->image->addr : image->addr;
      size_t size = header.format.address_size;
      if (value.number > section.size() / size || addresses_at_ > section.size()) return std::nullopt;
      DwarfCursor cursor(section.at(addresses_at_ + value.number * size, size));
      uint64_t found = cursor.number(size);
      return cursor.ok() ? std::optional(found) : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

DwarfSection* DwarfUnit::text_place(const DwarfValue& value, uint64_t& offset) {
  offset = value.number;
  switch (value.form) {
    case DW_FORM_strp:
      return &image->str;
    case DW_FORM_line_strp:
      return &image->line_str;
    case DW_FORM_strp_sup:
    case DW_FORM_GNU_strp_alt:
      return alt ? &alt->str : nullptr;
    case DW_FORM_strx:
    case DW_FORM_strx1:
    case DW_FORM_strx2:
    case DW_FORM_strx3:
    case DW_FORM_strx4:
    case DW_FORM_GNU_str_index: {
      size_t size = header.format.offset_size;
      if (value.number > image->str_offsets.size() / size || strings_at_ > image->str_offsets.size()) return nullptr;
      DwarfCursor cursor(image->str_offsets.at(strings_at_ + value.number * size, size));
      offset = cursor.number(size);
      return cursor.ok() ? &image->str : nullptr;
    }
    default:
      return nullptr;
  }
}

std::string_view DwarfUnit::text(const DwarfValue& value) {
  uint64_t offset = 0;
  if (DwarfSection* section = text_place(value, offset)) return section->text(offset);
  return value.form == DW_FORM_string ? value.text : std::string_view();
}

void DwarfUnit::ranges(const DwarfExtent& of, size_t most, size_t& looked_at, std::vector<AddressRange>& out) {
  if (of.low.form != 0 && of.high.form != 0) {
    auto low = address(of.low);
    auto high = address(of.high);
    if (low && !high && constant(of.high) >= 0) high = *low + of.high.number;
    if (low && high) add_range(*low, *high, out);
    return;
  }
  if (of.ranges.form == 0) return;
  if (header.format.version < 5) return old_list(old_ranges_at_ + of.ranges.number, most, looked_at, out);
  uint64_t at = of.ranges.number;
  if (of.ranges.form == DW_FORM_rnglistx) {
    size_t size = header.format.offset_size;
    if (at > image->rnglists.size() / size || lists_at_ > image->rnglists.size()) return;
    DwarfCursor cursor(image->rnglists.at(lists_at_ + at * size, size));
    at = lists_at_ + cursor.number(size);
    if (!cursor.ok()) return;
  }
  new_list(at, most, looked_at, out);
}

// DWARF 4, section 2.17.3.
void DwarfUnit::old_list(uint64_t at, size_t most, size_t& looked_at, std::vector<AddressRange>& out) {
  DwarfSection& section = skeleton_ ? skeleton_->image->ranges : image->ranges;
  size_t size = header.format.address_size;
  uint64_t base = base_, all_ones = size == 8 ? UINT64_MAX : UINT32_MAX;
  bool left_out = false;  // the linker sets the base of what it left out to 0
  for (; looked_at < most && out.size() < most; at += 2 * size, ++looked_at) {
    DwarfCursor cursor(section.at(at, 2 * size));
    uint64_t low = cursor.number(size), high = cursor.number(size);
    if (!cursor.ok() || (low == 0 && high == 0)) return;
    if (low == all_ones)
      left_out = (base = high) == 0;
    else if (low != high && !left_out)
      add_range(base + low, base + high, out);
  }
}

// DWARF 5, section 7.25.
void DwarfUnit::new_list(uint64_t at, size_t most, size_t& looked_at, std::vector<AddressRange>& out) {
  constexpr size_t kLongest = 1 + 2 * 10;
  size_t size = header.format.address_size;
  uint64_t base = base_;
  bool left_out = false;
  auto indexed = [&](uint64_t index) { return address({DW_FORM_addrx, index, {}}); };
  for (; looked_at < most && out.size() < most; ++looked_at) {
    DwarfCursor cursor(image->rnglists.at(at, kLongest));
    uint8_t kind = cursor.u8();
    std::optional<uint64_t> low, high;
    switch (kind) {
      case DW_RLE_base_addressx:
        left_out = (base = indexed(cursor.uleb()).value_or(0)) == 0;
        break;
      case DW_RLE_base_address:
        left_out = (base = cursor.number(size)) == 0;
        break;
      case DW_RLE_startx_endx:
        low = indexed(cursor.uleb());
        high = indexed(cursor.uleb());
        break;
      case DW_RLE_startx_length:
        low = indexed(cursor.uleb());
        high = low.value_or(0) + cursor.uleb();
        break;
      case DW_RLE_offset_pair:
        low = base + cursor.uleb();
        high = base + cursor.uleb();
        if (left_out) low.reset();
        break;
      case DW_RLE_start_end:
        low = cursor.number(size);
        high = cursor.number(size);
        break;
      case DW_RLE_start_length:
        low = cursor.number(size);
        high = *low + cursor.uleb();
        break;
      default:
        return;  // DW_RLE_end_of_list, or unknown
    }
    if (!cursor.ok()) return;
    if (low && high) add_range(*low, *high, out);
    at += cursor.offset();
  }
}

}  // namespace ec
