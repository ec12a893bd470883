#include "symbolize/dwarf_names.h"

#include <dwarf.h>

#include <algorithm>

#include "symbolize/demangle.h"

namespace ec {

namespace {

constexpr int kMostSteps = 16;
constexpr size_t kLongestEntry = 4096;

}  // namespace

DwarfNames::Entry DwarfNames::read(DwarfUnit& unit, uint64_t entry) {
  const DwarfUnitHeader& header = unit.header;
  auto length = static_cast<size_t>(std::min<uint64_t>(kLongestEntry, header.end - entry));
  std::string_view bytes =
      unit.bytes.empty()
          ? unit.image->info.at(entry, length).substr(0, length)
          : std::string_view(unit.bytes).substr(std::min<size_t>(entry - header.offset, unit.bytes.size()));
  DwarfCursor cursor(bytes);
  Entry found;
  const DwarfAbbrev* abbrev = unit.abbrevs ? unit.abbrevs->find(cursor.uleb()) : nullptr;
  if (!abbrev) return found;
  const DwarfAttribute* attribute = unit.abbrevs->attributes(*abbrev);
  for (const DwarfAttribute* end = attribute + abbrev->count; attribute != end && cursor.ok(); ++attribute) {
    DwarfValue value = read_value(cursor, attribute->form, attribute->implicit, header.format);
    if (!cursor.ok()) break;
    switch (attribute->name) {
      case DW_AT_linkage_name:
      case DW_AT_MIPS_linkage_name:
        found.linkage = value;
        break;
      case DW_AT_name:
        found.name = value;
        break;
      case DW_AT_abstract_origin:
        found.origin = value;
        break;
      case DW_AT_specification:
        if (found.origin.form == 0) found.origin = value;
        break;
      default:
        break;
    }
  }
  return found;
}

FunctionName DwarfNames::of(DwarfUnit& unit, uint64_t entry) { return search(unit, entry, kMostSteps); }

FunctionName DwarfNames::search(DwarfUnit& unit, uint64_t entry, int steps) {
  Entry found = read(unit, entry);
  if (found.linkage.form != 0)
    if (FunctionName name = kept(unit, found.linkage, false); !name.text.empty()) return name;
  // The text of a DW_FORM_string is in a window that refer() may move: kept before.
  FunctionName own = found.name.form != 0 ? kept(unit, found.name, true) : FunctionName{};
  if (found.origin.form == 0 || steps == 0) return own;
  FunctionName its = refer(unit, found.origin, steps - 1);
  return own.text.empty() || (!its.text.empty() && !its.short_name) ? its : own;
}

FunctionName DwarfNames::refer(DwarfUnit& unit, const DwarfValue& origin, int steps) {
  DwarfImage* image = unit.image;
  uint64_t entry = origin.number;
  switch (origin.form) {
    case DW_FORM_ref1:
    case DW_FORM_ref2:
    case DW_FORM_ref4:
    case DW_FORM_ref8:
    case DW_FORM_ref_udata:
      if (entry >= unit.header.end - unit.header.offset) return {};
      entry += unit.header.offset;
      break;
    case DW_FORM_ref_addr:
    case DW_FORM_ref_sup4:
    case DW_FORM_ref_sup8:
    case DW_FORM_GNU_ref_alt:
      if (origin.form != DW_FORM_ref_addr) image = unit.alt;
      break;
    default:
      return {};
  }
  if (!image) return {};
  Key key{image, entry};
  if (auto known = entries_.find(key); known != entries_.end()) return known->second;
  FunctionName name;
  if (image == unit.image && entry >= unit.header.root && entry < unit.header.end) {
    name = search(unit, entry, steps);
  } else if (const DwarfUnitHeader* header = image->unit_at(entry)) {
    DwarfUnit other(*image, *header, image == unit.alt ? nullptr : unit.alt);
    other.abbrevs = image->abbrevs_of(*header);
    name = search(other, entry, steps);
  }
  weight_ += sizeof(Key) + sizeof(FunctionName) + 32;
  entries_.emplace(key, name);
  return name;
}

FunctionName DwarfNames::kept(DwarfUnit& unit, const DwarfValue& text, bool short_name) {
  uint64_t offset = 0;
  DwarfSection* section = unit.text_place(text, offset);
  // What is inside the entry has no place of its own.
  Key key = section ? Key{section, offset} : Key{&texts_, texts_.size()};
  auto [at, fresh] = texts_.try_emplace(key);
  if (fresh) {
    std::string_view raw = section ? section->text(offset) : unit.text(text);
    at->second = demangled_ ? demangle(raw) : std::string(raw);
    weight_ += sizeof(Key) + at->second.size() + 80;
  }
  return {at->second, short_name};
}

void DwarfNames::forget() {
  texts_.clear();
  entries_.clear();
  weight_ = 0;
}

}  // namespace ec
