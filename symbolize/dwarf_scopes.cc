#include "symbolize/dwarf_scopes.h"

#include <dwarf.h>

#include <algorithm>

#include "symbolize/demangle.h"

namespace ec {

namespace {

constexpr size_t kMostEntries = 20'000'000, kMostRanges = 4'000'000;
constexpr int kDeepest = 256;

// -1: absent.
int number_of(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (!dwarf_attr(&die, name, &attribute) || dwarf_formudata(&attribute, &value) != 0 || value > INT32_MAX) return -1;
  return static_cast<int>(value);
}

const char* text_of(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute attribute;
  return dwarf_attr_integrate(&die, name, &attribute) ? dwarf_formstring(&attribute) : nullptr;
}

}  // namespace

int DwarfScopes::add(Dwarf_Die& die, bool inlined, int parent, int depth) {
  Dwarf_Addr base = 0, low = 0, high = 0;
  size_t before = ranges_.size();
  auto index = static_cast<int>(scopes_.size());
  for (ptrdiff_t at = 0; ranges_.size() < kMostRanges && (at = dwarf_ranges(&die, at, &base, &low, &high)) > 0;)
    if (low < high && low != 0) ranges_.push_back({low, high, index, depth});
  if (ranges_.size() == before) return parent;
  DwarfScope& scope = scopes_.emplace_back();
  scope.entry = dwarf_dieoffset(&die);
  scope.parent = parent;
  scope.inlined = inlined;
  if (inlined) {
    scope.call_file = number_of(die, DW_AT_call_file);
    scope.call_line = std::max(0, number_of(die, DW_AT_call_line));
    scope.call_column = std::max(0, number_of(die, DW_AT_call_column));
  }
  return index;
}

void DwarfScopes::walk(Dwarf_Die& parent, int scope, int depth) {
  Dwarf_Die die;
  if (depth > kDeepest || dwarf_child(&parent, &die) != 0) return;
  Dwarf_Off last = dwarf_dieoffset(&parent);
  do {
    // A sibling reference that points back would never end.
    Dwarf_Off offset = dwarf_dieoffset(&die);
    if (offset <= last || ++visited_ > kMostEntries) return;
    last = offset;
    switch (dwarf_tag(&die)) {
      case DW_TAG_subprogram:
        // What was inlined is described once without addresses; nothing inside it has any.
        if (!dwarf_hasattr(&die, DW_AT_inline)) walk(die, add(die, false, -1, depth), depth + 1);
        break;
      case DW_TAG_inlined_subroutine:
        walk(die, add(die, true, scope, depth), depth + 1);
        break;
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
        walk(die, scope, depth + 1);
        break;
      default:
        break;
    }
  } while (dwarf_siblingof(&die, &die) == 0);
}

void DwarfScopes::flatten() {
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range& a, const Range& b) { return a.low != b.low ? a.low < b.low : a.depth < b.depth; });
  auto emit = [&](uint64_t start, int scope) {
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
  for (const Range& range : ranges_) {
    close_until(range.low);
    open.push_back(range);
    emit(range.low, range.scope);
  }
  close_until(UINT64_MAX);
  steps_.shrink_to_fit();
  ranges_ = {};
}

void DwarfScopes::read(Dwarf_Die& unit) {
  walk(unit, -1, 0);
  flatten();
}

int DwarfScopes::innermost(uint64_t address) const {
  auto after = std::upper_bound(steps_.begin(), steps_.end(), address,
                                [](uint64_t value, const Step& step) { return value < step.start; });
  return after == steps_.begin() ? -1 : std::prev(after)->scope;
}

const DwarfScope& DwarfScopes::named(Dwarf* dwarf, int index, bool demangled) {
  DwarfScope& scope = scopes_[static_cast<size_t>(index)];
  if (scope.named) return scope;
  scope.named = true;
  Dwarf_Die die;
  if (!dwarf_offdie(dwarf, scope.entry, &die)) return scope;
  const char* text = text_of(die, DW_AT_linkage_name);
  if (!text) text = text_of(die, DW_AT_MIPS_linkage_name);
  if (!text) {
    text = text_of(die, DW_AT_name);
    scope.short_name = true;
  }
  if (text) scope.name = demangled ? demangle(text) : text;
  return scope;
}

}  // namespace ec
