#include "symbolize/struct_members.h"

#include <dwarf.h>

#include <algorithm>
#include <unordered_map>

#include "symbolize/dwarf_unit.h"

namespace ec {

namespace {

constexpr size_t kMostNamedUnits = 256, kMostEntries = 4'000'000, kLongestRoot = 1024;
constexpr int kMostTypedefs = 16, kMostNested = 16;

struct Member {
  std::string name;
  uint64_t offset = 0, type = 0;  // type: where its entry stands
};
// A structure, or another name for a type.
struct Type {
  std::string name;
  bool structure = false;
  uint64_t target = 0;
  std::vector<Member> members;
};
using Types = std::unordered_map<uint64_t, Type>;  // by where their entries stand

struct Entry {
  uint64_t at = 0;
  uint16_t tag = 0;  // 0: the end of a list of siblings
  bool children = false;
  std::string_view name;
  int64_t location = -1;
  uint64_t type = 0;
};

Entry read_entry(DwarfUnit& unit, const DwarfAbbrevs& abbrevs, DwarfCursor& cursor) {
  Entry entry;
  uint64_t code = cursor.uleb();
  if (code == 0) return entry;
  const DwarfAbbrev* abbrev = abbrevs.find(code);
  if (!abbrev) {
    cursor.skip(UINT64_MAX);
    return entry;
  }
  entry.tag = abbrev->tag;
  entry.children = abbrev->children;
  for (uint32_t i = 0; i < abbrev->count && cursor.ok(); ++i) {
    const DwarfAttribute& attribute = abbrevs.attributes(*abbrev)[i];
    DwarfValue value = read_value(cursor, attribute.form, attribute.implicit, unit.header.format);
    if (attribute.name == DW_AT_name) entry.name = unit.text(value);
    if (attribute.name == DW_AT_data_member_location) entry.location = constant(value);
    if (attribute.name == DW_AT_type)
      entry.type = value.number + (value.form == DW_FORM_ref_addr ? 0 : unit.header.offset);
  }
  return entry;
}

bool has_name(DwarfImage& image, const DwarfUnitHeader& header, std::string_view name) {
  DwarfUnit unit(image, header, nullptr);
  const DwarfAbbrevs* abbrevs = image.abbrevs_of(header);
  if (!abbrevs || header.end <= header.root) return false;
  DwarfCursor cursor(
      image.info.at(header.root, static_cast<size_t>(std::min<uint64_t>(kLongestRoot, header.end - header.root))));
  return read_entry(unit, *abbrevs, cursor).name == name;
}

// Structures and typedefs directly below the unit.
void add_types(DwarfUnit& unit, size_t& entries, Types& types) {
  if (!unit.load()) return;
  DwarfCursor cursor(unit.bytes, unit.header.root - unit.header.offset);
  int depth = 0;
  Type* inside = nullptr;
  while (cursor.ok() && !cursor.at_end() && ++entries < kMostEntries) {
    uint64_t at = unit.header.offset + cursor.offset();
    Entry entry = read_entry(unit, *unit.abbrevs, cursor);
    if (!cursor.ok()) return;
    if (entry.tag == 0) {
      if (--depth <= 0) return;
      continue;
    }
    bool structure = entry.tag == DW_TAG_structure_type;
    if (depth == 1) {
      inside = nullptr;
      if (structure || entry.tag == DW_TAG_typedef || entry.tag == DW_TAG_const_type ||
          entry.tag == DW_TAG_volatile_type) {
        Type& type = types[at];
        type = {std::string(entry.name), structure, entry.type, {}};
        if (structure && entry.children) inside = &type;
      }
    } else if (depth == 2 && inside && entry.tag == DW_TAG_member && entry.location >= 0) {
      inside->members.push_back({std::string(entry.name), static_cast<uint64_t>(entry.location), entry.type});
    }
    if (entry.children) ++depth;
  }
}

std::optional<uint64_t> offset_in(const Types& types, uint64_t at, std::string_view path) {
  uint64_t offset = 0;
  for (int nested = 0; nested < kMostNested; ++nested) {
    auto type = types.find(at);
    for (int i = 0; i < kMostTypedefs && type != types.end() && !type->second.structure; ++i)
      type = types.find(type->second.target);
    if (type == types.end() || !type->second.structure) return std::nullopt;
    std::string_view name = path.substr(0, path.find('.'));
    const auto& members = type->second.members;
    auto member = std::find_if(members.begin(), members.end(), [&](const Member& each) { return each.name == name; });
    if (name.empty() || member == members.end() || __builtin_add_overflow(offset, member->offset, &offset))
      return std::nullopt;
    if (name.size() == path.size()) return offset;
    path.remove_prefix(name.size() + 1);
    at = member->type;
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<std::optional<uint64_t>>> member_offsets(std::shared_ptr<const ElfFile> file, std::string_view unit,
                                                            const std::vector<MemberPath>& paths) {
  std::string where = file->source().name();
  auto image = DwarfImage::open(std::move(file));
  if (!image) return tl::unexpected<Error>(image.error());
  // Of a Go package there are several: one for each file of assembler, too.
  size_t units = 0, entries = 0;
  Types types;
  for (const DwarfUnitHeader& header : image->units()) {
    if (!has_name(*image, header, unit)) continue;
    DwarfUnit named(*image, header, nullptr);
    add_types(named, entries, types);
    if (++units == kMostNamedUnits) break;
  }
  if (units == 0)
    return fail(ErrorCode::kNotFound, where, fmt::format("no unit \"{}\" in its debug information", std::string(unit)));
  std::unordered_map<std::string_view, uint64_t> by_name;
  for (const auto& [at, type] : types)
    if (type.structure && !type.members.empty() && !type.name.empty()) by_name.try_emplace(type.name, at);
  std::vector<std::optional<uint64_t>> offsets;
  for (const MemberPath& path : paths) {
    auto type = by_name.find(path.type);
    offsets.push_back(type != by_name.end() ? offset_in(types, type->second, path.member) : std::nullopt);
  }
  return offsets;
}

}  // namespace ec
