#include "symbolize/source_lines.h"

#include <dwarf.h>

#include <algorithm>
#include <unordered_map>

#include "symbolize/dwarf_lines.h"
#include "symbolize/dwarf_names.h"
#include "symbolize/dwarf_scopes.h"
#include "symbolize/dwarf_split.h"

namespace ec {

namespace {

constexpr size_t kMostRanges = 4'000'000;
// Many units of a hostile file have the same long list of empty ranges.
constexpr size_t kMostListEntries = 8'000'000;
// Units whose ranges overlap (identical functions that the linker folded, wrong ranges).
constexpr size_t kMostCandidates = 16;
constexpr size_t kMostKeptBytes = 64u << 20;  // before everything is let go
constexpr size_t kDeepest = 1000;             // inlined functions at one address

struct UnitRange {
  uint64_t low, high;
  uint32_t unit;
};

// What is read of a unit when the first address in it is asked for.
struct LoadedUnit {
  DwarfUnit unit, split;
  DwarfUnit* scopes_in = nullptr;  // one of them
  DwarfLines lines, split_files;
  DwarfLines* files = nullptr;  // one of them: of calls
  DwarfScopes scopes;
  // [scope]: index in `names` + 1; 0 = not asked for yet.
  std::vector<uint32_t> name_of;
  std::vector<FunctionName> names;
};

}  // namespace

struct SourceLines::State {
  State(DwarfImage its_image, const DebugPlaces& its_places, bool demangled)
      : image(std::move(its_image)), places(its_places), names(demangled) {}

  DwarfImage image;
  std::optional<DwarfImage> alt;
  std::string missing_alt;
  DebugPlaces places;
  DwarfNames names;
  DwarfSplitFiles split_files;
  std::vector<UnitRange> ranges;  // by low
  std::vector<uint64_t> highest;  // the highest end among ranges[0..i]
  std::unordered_map<uint32_t, LoadedUnit> loaded;
  size_t weight = 0;          // of the loaded units
  std::string missing_split;  // the first .dwo that is not here
  std::vector<SourceFrameView> frames;

  DwarfImage* its_alt() { return alt ? &*alt : nullptr; }
  void find_units();
  size_t shared_weight() const;  // of what the loaded units refer to
  void forget();
  LoadedUnit* load(uint32_t index);
  void find_inner(LoadedUnit& unit);
  FunctionName name(LoadedUnit& unit, int scope);
  void look_in(LoadedUnit& unit, uint64_t address);
};

void SourceLines::State::find_units() {
  const std::vector<DwarfUnitHeader>& units = image.units();
  std::vector<AddressRange> found;
  size_t all_looked_at = 0;
  for (size_t i = 0; i < units.size() && ranges.size() < kMostRanges && all_looked_at < kMostListEntries; ++i) {
    if (units[i].type != DW_UT_compile && units[i].type != DW_UT_skeleton) continue;
    DwarfUnit unit(image, units[i], its_alt());
    if (unit.tag != DW_TAG_compile_unit && unit.tag != DW_TAG_skeleton_unit) continue;
    found.clear();
    size_t looked_at = 0;
    unit.ranges(unit.extent, std::min(kMostRanges - ranges.size(), kMostListEntries - all_looked_at), looked_at, found);
    all_looked_at += looked_at;
    for (const AddressRange& range : found) ranges.push_back({range.low, range.high, static_cast<uint32_t>(i)});
  }
  std::sort(ranges.begin(), ranges.end(), [](const UnitRange& a, const UnitRange& b) {
    if (a.low != b.low) return a.low < b.low;
    // look() goes backwards: of units that describe the same code the first one answers, as elsewhere.
    return a.high != b.high ? a.high > b.high : a.unit > b.unit;
  });
  highest.reserve(ranges.size());
  for (const UnitRange& range : ranges) highest.push_back(std::max(range.high, highest.empty() ? 0 : highest.back()));
}

// Where the functions of the unit are: in itself or, when it is only the skeleton of one, in its split file.
void SourceLines::State::find_inner(LoadedUnit& loaded_unit) {
  DwarfUnit& unit = loaded_unit.unit;
  loaded_unit.scopes_in = &unit;
  loaded_unit.files = &loaded_unit.lines;
  if (unit.split_name.empty() && unit.header.type != DW_UT_skeleton) return;
  auto found = places.split_files ? split_files.find(unit, image.file().source().name()) : std::nullopt;
  if (!found) {
    if (missing_split.empty()) missing_split = unit.split_name.empty() ? "a .dwo file" : unit.split_name;
    return;
  }
  loaded_unit.split = DwarfUnit(*found->image, found->header, nullptr, &unit);
  DwarfUnit& split = loaded_unit.split;
  if (split.compiled_in.empty()) split.compiled_in = unit.compiled_in;
  loaded_unit.scopes_in = &split;
  loaded_unit.split_files.read(split, *found->image, split.line_offset.value_or(0), false);
  if (!loaded_unit.split_files.empty()) loaded_unit.files = &loaded_unit.split_files;
}

size_t SourceLines::State::shared_weight() const { return names.weight() + image.weight() + (alt ? alt->weight() : 0); }

void SourceLines::State::forget() {
  loaded.clear();
  split_files.forget();
  names.forget();
  image.forget();
  if (alt) alt->forget();
  weight = 0;
}

LoadedUnit* SourceLines::State::load(uint32_t index) {
  if (auto found = loaded.find(index); found != loaded.end()) return &found->second;
  if (weight + shared_weight() > kMostKeptBytes) forget();
  LoadedUnit& fresh = loaded[index];
  fresh.unit = DwarfUnit(image, image.units()[index], its_alt());
  if (fresh.unit.line_offset) fresh.lines.read(fresh.unit, image, *fresh.unit.line_offset, true);
  find_inner(fresh);
  if (fresh.scopes_in->load()) fresh.scopes.read(*fresh.scopes_in);
  fresh.name_of.resize(fresh.scopes.size());
  weight += fresh.lines.weight() + fresh.scopes.weight() + fresh.scopes_in->bytes.size() + 4 * fresh.scopes.size() +
            sizeof fresh + 256;
  return &fresh;
}

FunctionName SourceLines::State::name(LoadedUnit& unit, int scope) {
  uint32_t& known = unit.name_of[static_cast<size_t>(scope)];
  if (known == 0) {
    unit.names.push_back(names.of(*unit.scopes_in, unit.scopes[scope].entry));
    known = static_cast<uint32_t>(unit.names.size());
  }
  return unit.names[known - 1];
}

void SourceLines::State::look_in(LoadedUnit& unit, uint64_t address) {
  SourceFrameView at;
  const LineRow* row = unit.lines.find(address);
  if (row) {
    at.file = unit.lines.file(row->file);
    at.line = static_cast<int>(std::min<uint32_t>(row->line, INT32_MAX));
    at.column = row->column;
  }
  for (int scope = unit.scopes.innermost(address); scope >= 0 && frames.size() < kDeepest;) {
    const DwarfScope& here = unit.scopes[scope];
    FunctionName function = name(unit, scope);
    at.function = function.text;
    at.short_name = function.short_name;
    at.inlined = here.inlined;
    frames.push_back(at);
    if (!here.inlined) return;
    at = {{}, {}, here.call_line, here.call_column};
    if (here.call_file >= 0) at.file = unit.files->file(static_cast<uint64_t>(here.call_file));
    scope = here.parent;
  }
  if (row || !frames.empty()) frames.push_back(at);
}

SourceLines::SourceLines(std::unique_ptr<State> state) : state_(std::move(state)) {}
SourceLines::SourceLines(SourceLines&&) noexcept = default;
SourceLines& SourceLines::operator=(SourceLines&&) noexcept = default;
SourceLines::~SourceLines() = default;

Result<SourceLines> SourceLines::open(const std::shared_ptr<const ElfFile>& file, const DebugPlaces& places,
                                      bool demangled) {
  auto image = DwarfImage::open(file);
  if (!image) return tl::unexpected<Error>(image.error());
  auto state = std::make_unique<State>(std::move(*image), places, demangled);
  if (auto alt = find_alt_file(*file, places))
    if (auto opened = DwarfImage::open(alt)) state->alt = std::move(*opened);
  if (!state->alt) state->missing_alt = alt_build_id(*file);
  state->find_units();
  return SourceLines(std::move(state));
}

std::string SourceLines::missing() const {
  if (const std::string& id = state_->missing_alt; !id.empty())
    return "dwz(1) moved names to a file that is not here, build id " + id;
  if (state_->missing_split.empty()) return {};
  return "names and inlined calls are in " + state_->missing_split +
         (state_->places.split_files ? ", which is not here" : ", which is not opened");
}

const std::vector<SourceFrameView>& SourceLines::look(uint64_t address) {
  State& state = *state_;
  state.frames.clear();
  // One unit may name more than all others together.
  if (state.shared_weight() > kMostKeptBytes) state.forget();
  auto after = std::upper_bound(state.ranges.begin(), state.ranges.end(), address,
                                [](uint64_t value, const UnitRange& range) { return value < range.low; });
  auto at = static_cast<size_t>(after - state.ranges.begin());
  for (size_t tried = 0;
       at > 0 && state.highest[at - 1] > address && tried < kMostCandidates && state.frames.empty();) {
    const UnitRange& range = state.ranges[--at];
    if (address >= range.high) continue;
    ++tried;
    state.look_in(*state.load(range.unit), address);
  }
  return state.frames;
}

std::vector<SourceFrame> SourceLines::find(uint64_t address) {
  std::vector<SourceFrame> frames;
  for (const SourceFrameView& view : look(address)) frames.push_back(copy_of(view));
  return frames;
}

}  // namespace ec
