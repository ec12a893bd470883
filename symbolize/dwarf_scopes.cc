#include "symbolize/dwarf_scopes.h"

#include <dwarf.h>

#include <algorithm>

namespace ec {

namespace {

constexpr size_t kMostRanges = 4'000'000;
constexpr size_t kDeepest = 512;
constexpr int32_t kIgnored = -2;  // nothing below has addresses

enum class Meaning { kFunction, kInlined, kHolder, kNone };

Meaning meaning_of(uint16_t tag) {
  switch (tag) {
    case DW_TAG_subprogram:
      return Meaning::kFunction;
    case DW_TAG_inlined_subroutine:
      return Meaning::kInlined;
    case DW_TAG_lexical_block:
    case DW_TAG_namespace:
    case DW_TAG_module:
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type:
    case DW_TAG_try_block:
    case DW_TAG_catch_block:
    case DW_TAG_with_stmt:
      return Meaning::kHolder;
    default:
      return Meaning::kNone;
  }
}

int32_t number_of(const DwarfValue& value, int32_t absent) {
  int64_t number = constant(value);
  return number < 0 || number > INT32_MAX ? absent : static_cast<int32_t>(number);
}

}  // namespace

struct DwarfScopes::Entry {
  DwarfExtent extent;
  DwarfValue call_file, call_line, call_column;
  bool abstract = false;  // what was inlined is described once without addresses; nothing inside it has any
};

class DwarfScopes::Walk {
 public:
  Walk(DwarfUnit& unit, DwarfScopes& scopes, std::vector<Range>& ranges)
      : unit_(unit), scopes_(scopes), ranges_(ranges), cursor_(unit.bytes, unit.header.root - unit.header.offset) {}

  void run() {
    std::vector<int32_t> open;  // the scope that each entry with open children is in
    while (cursor_.ok() && !cursor_.at_end()) {
      size_t start = cursor_.offset();
      uint64_t code = cursor_.uleb();
      if (code == 0) {
        if (open.size() <= 1) return;
        open.pop_back();
        continue;
      }
      const DwarfAbbrev* abbrev = unit_.abbrevs->find(code);
      if (!abbrev) return;
      int32_t scope = open.empty() ? -1 : open.back();
      sibling_ = 0;
      int32_t inner = scope == kIgnored ? kIgnored : enter(*abbrev, start, scope, static_cast<int32_t>(open.size()));
      if (scope == kIgnored) pass(*abbrev);
      if (open.empty() && !abbrev->children) return;
      if (!abbrev->children) continue;
      // A sibling reference that points back would never end.
      if (inner == kIgnored && sibling_ > cursor_.offset() && sibling_ <= unit_.bytes.size())
        cursor_ = DwarfCursor(unit_.bytes, sibling_);
      else if (open.size() < kDeepest)
        open.push_back(inner);
      else
        return;
    }
  }

 private:
  // Reads or passes over the values; gives the scope that children are in.
  int32_t enter(const DwarfAbbrev& abbrev, size_t start, int32_t scope, int32_t depth) {
    Meaning meaning = depth == 0 ? Meaning::kHolder : meaning_of(abbrev.tag);
    if (meaning == Meaning::kHolder || meaning == Meaning::kNone) {
      pass(abbrev);
      return meaning == Meaning::kHolder ? scope : kIgnored;
    }
    Entry entry = read(abbrev);
    if (meaning == Meaning::kFunction && entry.abstract) return kIgnored;
    return add(entry, start, meaning == Meaning::kInlined, meaning == Meaning::kInlined ? scope : -1, depth);
  }

  // Over the values of an entry; notes where its sibling is.
  void pass(const DwarfAbbrev& abbrev) {
    if (abbrev.size >= 0 && !(abbrev.sibling && abbrev.children))
      return cursor_.skip(static_cast<uint64_t>(abbrev.size));
    const DwarfAttribute* attribute = unit_.abbrevs->attributes(abbrev);
    for (const DwarfAttribute* end = attribute + abbrev.count; attribute != end; ++attribute) {
      int size = attribute->name == DW_AT_sibling ? -1 : fixed_size(attribute->form, unit_.header.format);
      if (size >= 0) {
        cursor_.skip(static_cast<uint64_t>(size));
        continue;
      }
      DwarfValue value = read_value(cursor_, attribute->form, attribute->implicit, unit_.header.format);
      if (attribute->name == DW_AT_sibling) sibling_ = value.number;
    }
  }

  Entry read(const DwarfAbbrev& abbrev) {
    Entry entry;
    const DwarfAttribute* attribute = unit_.abbrevs->attributes(abbrev);
    for (const DwarfAttribute* end = attribute + abbrev.count; attribute != end; ++attribute) {
      DwarfValue value = read_value(cursor_, attribute->form, attribute->implicit, unit_.header.format);
      switch (attribute->name) {
        case DW_AT_sibling:
          sibling_ = value.number;
          break;
        case DW_AT_low_pc:
          entry.extent.low = value;
          break;
        case DW_AT_high_pc:
          entry.extent.high = value;
          break;
        case DW_AT_ranges:
          entry.extent.ranges = value;
          break;
        case DW_AT_call_file:
          entry.call_file = value;
          break;
        case DW_AT_call_line:
          entry.call_line = value;
          break;
        case DW_AT_call_column:
          entry.call_column = value;
          break;
        case DW_AT_inline:
          entry.abstract = true;
          break;
        default:
          break;
      }
    }
    return entry;
  }

  int32_t add(const Entry& entry, size_t start, bool inlined, int32_t parent, int32_t depth) {
    found_.clear();
    if (ranges_.size() < kMostRanges) unit_.ranges(entry.extent, kMostRanges, looked_at_, found_);
    if (found_.empty()) return parent;
    auto index = static_cast<int32_t>(scopes_.scopes_.size());
    for (const AddressRange& range : found_) ranges_.push_back({range.low, range.high, index, depth});
    DwarfScope& scope = scopes_.scopes_.emplace_back();
    scope.entry = unit_.header.offset + start;
    scope.parent = parent;
    scope.inlined = inlined;
    if (inlined) {
      scope.call_file = number_of(entry.call_file, -1);
      scope.call_line = number_of(entry.call_line, 0);
      scope.call_column = number_of(entry.call_column, 0);
    }
    return index;
  }

  DwarfUnit& unit_;
  DwarfScopes& scopes_;
  std::vector<Range>& ranges_;
  DwarfCursor cursor_;
  uint64_t sibling_ = 0;  // of the entry read last, in the unit; 0 = not told
  size_t looked_at_ = 0;
  std::vector<AddressRange> found_;
};

void DwarfScopes::flatten(std::vector<Range>& ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) {
    if (a.low != b.low) return a.low < b.low;
    return a.depth != b.depth ? a.depth < b.depth : a.scope < b.scope;
  });
  auto emit = [&](uint64_t start, int32_t scope) {
    if (!steps_.empty() && steps_.back().start == start)
      steps_.back().scope = scope;
    else
      steps_.push_back({start, scope});
  };
  std::vector<Range> open;
  // Ends of open ranges up to `limit`.
  auto close_until = [&](uint64_t limit) {
    while (!open.empty() && open.back().high <= limit) {
      uint64_t end = open.back().high;
      while (!open.empty() && open.back().high <= end) open.pop_back();
      emit(end, open.empty() ? -1 : open.back().scope);
    }
  };
  for (const Range& range : ranges) {
    close_until(range.low);
    open.push_back(range);
    emit(range.low, range.scope);
  }
  close_until(UINT64_MAX);
  steps_.shrink_to_fit();
}

void DwarfScopes::read(DwarfUnit& unit) {
  std::vector<Range> ranges;
  Walk(unit, *this, ranges).run();
  flatten(ranges);
  scopes_.shrink_to_fit();
}

int DwarfScopes::innermost(uint64_t address) const {
  auto after = std::upper_bound(steps_.begin(), steps_.end(), address,
                                [](uint64_t value, const Step& step) { return value < step.start; });
  return after == steps_.begin() ? -1 : std::prev(after)->scope;
}

}  // namespace ec
