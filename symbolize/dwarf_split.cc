#include "symbolize/dwarf_split.h"

#include <dwarf.h>

#include <algorithm>

namespace ec {

namespace {

constexpr uint64_t kLargestIndex = 64u << 20;

std::shared_ptr<const ElfFile> open_elf(const std::string& path) {
  auto fd = open_regular(-1, path);
  if (!fd) return nullptr;
  auto elf = ElfFile::open(ByteSource(path, std::move(*fd)));
  return elf ? std::make_shared<const ElfFile>(std::move(*elf)) : nullptr;
}

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }  // npos + 1 == 0

}  // namespace

// A header, a hash table of ids, a table of rows beside it, then the offsets and sizes of the rows.
std::optional<PackageRow> find_in_package(std::string_view bytes, uint64_t id) {
  DwarfCursor header(bytes);
  PackageRow row;
  // Version 2 (GNU) has 32 bits for it, version 5 has 16 and 16 of padding.
  row.version = header.u16();
  header.skip(2);
  uint64_t columns = header.u32(), units = header.u32(), slots = header.u32();
  if (!header.ok() || (row.version != 2 && row.version != 5) || slots == 0 || (slots & (slots - 1)) != 0 ||
      columns > 16)
    return std::nullopt;
  uint64_t ids = header.offset(), rows = ids + slots * 8, kinds = rows + slots * 4, offsets = kinds + columns * 4,
           sizes = offsets + units * columns * 4;
  if (sizes + units * columns * 4 > bytes.size()) return std::nullopt;
  uint64_t mask = slots - 1, step = ((id >> 32) & mask) | 1, at = id & mask;
  for (uint64_t tried = 0; tried < slots; ++tried, at = (at + step) & mask) {
    uint64_t index = DwarfCursor(bytes, rows + at * 4).u32();
    if (index == 0) return std::nullopt;
    if (DwarfCursor(bytes, ids + at * 8).u64() != id) continue;
    if (index > units) return std::nullopt;
    for (uint64_t i = 0; i < columns; ++i) {
      uint64_t cell = ((index - 1) * columns + i) * 4;
      row.parts[DwarfCursor(bytes, kinds + i * 4).u32()] = {DwarfCursor(bytes, offsets + cell).u32(),
                                                            DwarfCursor(bytes, sizes + cell).u32()};
    }
    return row;
  }
  return std::nullopt;
}

std::optional<DwarfSplitFiles::Found> DwarfSplitFiles::keep(DwarfImage image, const DwarfUnit& skeleton) {
  for (const DwarfUnitHeader& header : image.units()) {
    DwarfUnit unit(image, header, nullptr);
    if (unit.tag != DW_TAG_compile_unit || unit.split_id != skeleton.split_id) continue;
    auto& kept = images_[&skeleton];
    kept = std::make_unique<DwarfImage>(std::move(image));
    return Found{kept.get(), header};
  }
  return std::nullopt;
}

std::optional<DwarfSplitFiles::Found> DwarfSplitFiles::in_file(const DwarfUnit& skeleton, const std::string& path) {
  auto elf = open_elf(path);
  auto image = elf ? DwarfImage::open(elf, true) : Result<DwarfImage>(fail(ErrorCode::kNotFound, path, ""));
  return image ? keep(std::move(*image), skeleton) : std::nullopt;
}

std::optional<DwarfSplitFiles::Found> DwarfSplitFiles::in_package(const DwarfUnit& skeleton,
                                                                  const std::string& beside) {
  if (!sought_) {
    sought_ = true;
    auto elf = open_elf(beside + ".dwp");
    const ElfSection* section = elf ? elf->section(".debug_cu_index") : nullptr;
    auto index = section ? elf->contents(*section, kLargestIndex) : Result<std::string>(std::string());
    auto image = index && !index->empty() ? DwarfImage::open(elf, true)
                                          : Result<DwarfImage>(fail(ErrorCode::kNotFound, beside, ""));
    if (image) {
      package_ = std::move(*image);
      index_ = std::move(*index);
    }
  }
  auto row = package_ ? find_in_package(index_, skeleton.split_id) : std::nullopt;
  if (!row) return std::nullopt;
  DwarfImage image = *package_;
  auto cut = [&](DwarfSection& section, uint32_t kind) {
    auto part = row->parts.find(kind);
    section = part == row->parts.end() ? DwarfSection() : section.part(part->second.offset, part->second.size);
  };
  bool five = row->version == 5;
  cut(image.info, DW_SECT_INFO);
  cut(image.abbrev, DW_SECT_ABBREV);
  cut(image.line, DW_SECT_LINE);
  cut(image.str_offsets, DW_SECT_STR_OFFSETS);
  cut(image.rnglists, five ? uint32_t{DW_SECT_RNGLISTS} : UINT32_MAX);
  return keep(std::move(image), skeleton);
}

std::optional<DwarfSplitFiles::Found> DwarfSplitFiles::find(const DwarfUnit& skeleton, const std::string& beside) {
  if (auto found = in_package(skeleton, beside)) return found;
  const std::string& name = skeleton.split_name;
  if (name.empty()) return std::nullopt;
  if (name.starts_with('/')) return in_file(skeleton, name);
  if (!skeleton.compiled_in.empty())
    if (auto found = in_file(skeleton, skeleton.compiled_in + "/" + name)) return found;
  return in_file(skeleton, folder_of(beside) + name);
}

}  // namespace ec
