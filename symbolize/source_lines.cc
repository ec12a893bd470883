#include "symbolize/source_lines.h"

#include <dwarf.h>

#include <algorithm>
#include <unordered_map>

#include "symbolize/demangle.h"
#include "symbolize/dwarf_file.h"
#include "symbolize/dwarf_scopes.h"

namespace ec {

namespace {

constexpr size_t kMostUnits = 1'000'000, kMostRanges = 4'000'000;
// Units whose ranges overlap (identical functions that the linker folded, wrong ranges).
constexpr size_t kMostCandidates = 16;
// Rows of lines and functions that are kept, about 40 bytes each, before everything is let go.
constexpr size_t kMostLoaded = 2'500'000;

struct UnitRange {
  uint64_t low, high;
  uint32_t unit;
};

std::string whole_path(const std::string& folder, const char* name) {
  // libdw's word for file 0 before DWARF 5.
  if (!name || std::string_view(name) == "???") return {};
  return folder.empty() || *name == '/' ? name : folder + "/" + name;
}

}  // namespace

struct SourceLines::State {
  struct Unit {
    Dwarf_Die die{};
    Dwarf* names = nullptr;  // that the scopes are in: the file's own, or of its .dwo
    Dwarf_Files* files = nullptr;
    DwarfScopes scopes;
    std::string folder;  // where it was compiled, when that is relative: libdw adds an absolute one
  };

  std::shared_ptr<const ElfFile> file;
  DebugPlaces places;
  DwarfFile dwarf;
  bool demangled = true;
  std::vector<Dwarf_Off> units;   // offsets of their root entries
  std::vector<UnitRange> ranges;  // by low
  std::vector<uint64_t> highest;  // the highest end among ranges[0..i]
  std::unordered_map<uint32_t, Unit> loaded;
  size_t weight = 0;
  std::string missing_split;  // the first .dwo that is not here

  void find_units();
  void add_ranges(Dwarf_Die* die, uint32_t unit);
  Unit* load(uint32_t index);
  Dwarf_Die inner_unit(Unit& unit);
  std::string call_file(const Unit& unit, int index) const;
  std::vector<SourceFrame> frames_in(Unit& unit, uint64_t address) const;
};

void SourceLines::State::add_ranges(Dwarf_Die* die, uint32_t unit) {
  Dwarf_Addr base = 0, low = 0, high = 0;
  for (ptrdiff_t at = 0; ranges.size() < kMostRanges && (at = dwarf_ranges(die, at, &base, &low, &high)) > 0;)
    // The linker sets the ranges of code that it left out to 0.
    if (low < high && low != 0) ranges.push_back({low, high, unit});
}

void SourceLines::State::find_units() {
  Dwarf_Off at = 0, next = 0;
  size_t header = 0;
  while (units.size() < kMostUnits && dwarf_nextcu(dwarf.get(), at, &next, &header, nullptr, nullptr, nullptr) == 0 &&
         next > at) {
    Dwarf_Die die;
    if (dwarf_offdie(dwarf.get(), at + header, &die)) {
      units.push_back(at + header);
      add_ranges(&die, static_cast<uint32_t>(units.size() - 1));
    }
    at = next;
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const UnitRange& a, const UnitRange& b) { return a.low != b.low ? a.low < b.low : a.high > b.high; });
  highest.reserve(ranges.size());
  for (const UnitRange& range : ranges) highest.push_back(std::max(range.high, highest.empty() ? 0 : highest.back()));
}

// Where the functions of the unit are: in itself or, when it is only the skeleton of one, in its .dwo (DWARF 5, section
// 3.1.2; before that GCC's extension). Packages of those (.dwp) are beyond libdw 0.188.
Dwarf_Die SourceLines::State::inner_unit(Unit& unit) {
  Dwarf_Die inner{};
  uint8_t kind = 0;
  Dwarf_Attribute attribute;
  Dwarf_Die* wanted = places.split_files ? &inner : nullptr;
  if (dwarf_cu_info(unit.die.cu, nullptr, &kind, nullptr, wanted, nullptr, nullptr, nullptr) != 0 ||
      kind != DW_UT_skeleton)
    return unit.die;
  if (inner.addr != nullptr) return inner;
  const char* name = dwarf_formstring(dwarf_attr(&unit.die, DW_AT_dwo_name, &attribute));
  if (!name) name = dwarf_formstring(dwarf_attr(&unit.die, DW_AT_GNU_dwo_name, &attribute));
  if (missing_split.empty()) missing_split = name ? name : "a .dwo file";
  return unit.die;
}

SourceLines::State::Unit* SourceLines::State::load(uint32_t index) {
  if (auto found = loaded.find(index); found != loaded.end()) return &found->second;
  if (weight > kMostLoaded) {
    // libdw lets go of nothing but all.
    auto again = DwarfFile::open(file, places);
    if (!again) return nullptr;
    loaded.clear();
    dwarf = std::move(*again);
    weight = 0;
  }
  Unit& unit = loaded[index];
  if (!dwarf_offdie(dwarf.get(), units[index], &unit.die)) return nullptr;
  Dwarf_Lines* lines = nullptr;
  size_t line_count = 0, file_count = 0;
  if (dwarf_getsrclines(&unit.die, &lines, &line_count) != 0) line_count = 0;
  Dwarf_Die inner = inner_unit(unit);
  unit.names = inner.cu == unit.die.cu ? dwarf.get() : dwarf_cu_getdwarf(inner.cu);
  if (dwarf_getsrcfiles(&inner, &unit.files, &file_count) != 0) unit.files = nullptr;
  Dwarf_Attribute attribute;
  const char* folder = dwarf_formstring(dwarf_attr(&unit.die, DW_AT_comp_dir, &attribute));
  if (folder && *folder != '/') unit.folder = folder;
  unit.scopes.read(inner);
  weight += line_count + unit.scopes.size() + 100;
  return &unit;
}

std::string SourceLines::State::call_file(const Unit& unit, int index) const {
  if (!unit.files || index < 0) return {};
  return whole_path(unit.folder, dwarf_filesrc(unit.files, static_cast<size_t>(index), nullptr, nullptr));
}

std::vector<SourceFrame> SourceLines::State::frames_in(Unit& unit, uint64_t address) const {
  SourceFrame at;
  Dwarf_Line* line = dwarf_getsrc_die(&unit.die, address);
  if (line) {
    at.file = whole_path(unit.folder, dwarf_linesrc(line, nullptr, nullptr));
    dwarf_lineno(line, &at.line);
    dwarf_linecol(line, &at.column);
  }
  std::vector<SourceFrame> frames;
  for (int scope = unit.scopes.innermost(address); scope >= 0;) {
    const DwarfScope& here = unit.scopes.named(unit.names, scope, demangled);
    at.function = here.name;
    at.short_name = here.short_name;
    at.inlined = here.inlined;
    frames.push_back(std::move(at));
    if (!here.inlined) return frames;
    at = {{}, call_file(unit, here.call_file), here.call_line, here.call_column};
    scope = here.parent;
  }
  if (line || !frames.empty()) frames.push_back(std::move(at));
  return frames;
}

SourceLines::SourceLines(std::unique_ptr<State> state) : state_(std::move(state)) {}
SourceLines::SourceLines(SourceLines&&) noexcept = default;
SourceLines& SourceLines::operator=(SourceLines&&) noexcept = default;
SourceLines::~SourceLines() = default;

Result<SourceLines> SourceLines::open(std::shared_ptr<const ElfFile> file, const DebugPlaces& places, bool demangled) {
  auto dwarf = DwarfFile::open(file, places);
  if (!dwarf) return tl::unexpected<Error>(dwarf.error());
  auto state = std::make_unique<State>();
  state->file = std::move(file);
  state->places = places;
  state->demangled = demangled;
  state->dwarf = std::move(*dwarf);
  state->find_units();
  return SourceLines(std::move(state));
}

std::string SourceLines::missing() const {
  if (const std::string& id = state_->dwarf.missing_alt(); !id.empty())
    return "dwz(1) moved names to a file that is not here, build id " + id;
  if (state_->missing_split.empty()) return {};
  return "names and inlined calls are in " + state_->missing_split +
         (state_->places.split_files ? ", which is not here" : ", which is not opened");
}

std::vector<SourceFrame> SourceLines::find(uint64_t address) {
  State& state = *state_;
  auto after = std::upper_bound(state.ranges.begin(), state.ranges.end(), address,
                                [](uint64_t value, const UnitRange& range) { return value < range.low; });
  auto at = static_cast<size_t>(after - state.ranges.begin());
  for (size_t tried = 0; at > 0 && state.highest[at - 1] > address && tried < kMostCandidates;) {
    const UnitRange& range = state.ranges[--at];
    if (address >= range.high) continue;
    ++tried;
    State::Unit* unit = state.load(range.unit);
    if (!unit) continue;
    if (auto frames = state.frames_in(*unit, address); !frames.empty()) return frames;
  }
  return {};
}

}  // namespace ec
