#include "symbolize/dwarf_image.h"

#include <dwarf.h>
#include <elf.h>

#include <algorithm>

namespace ec {

namespace {

constexpr uint64_t kMostUnpackedBytes = 256u << 20;
constexpr size_t kMostUnits = 1'000'000;
constexpr size_t kLongestHeader = 48;
constexpr size_t kMostTableBytes = 4u << 20;
constexpr size_t kLongestRootTable = 64 * 1024;
// Tables of a hostile file overlap: each of its units has a large one of its own. Kept and refused ones together; those
// for first entries, of which the units of the largest real files take a hundredth.
constexpr uint64_t kMostRootWork = uint64_t{2} << 30;
constexpr size_t kMostTables = 128u << 20;

// The section under its name, or under that of GNU's old way to compress (".zdebug_info").
const ElfSection* find_section(const ElfFile& file, std::string_view name, bool split) {
  std::string whole = fmt::format(".debug_{}{}", name, split ? ".dwo" : "");
  const ElfSection* section = file.section(whole);
  if (!section) section = file.section(".z" + whole.substr(1));
  return section && section->type != SHT_NOBITS ? section : nullptr;
}

// What is looked up at random is read in small parts or, when it is small, at once; what is walked in large ones.
struct WantedSection {
  const char* name;
  DwarfSection DwarfImage::*section;
  size_t window;
  uint64_t whole;  // up to this size
};
constexpr WantedSection kSections[] = {{"info", &DwarfImage::info, 512, 0},
                                       {"abbrev", &DwarfImage::abbrev, 4096, 1u << 20},
                                       {"line", &DwarfImage::line, 4096, 0},
                                       {"str", &DwarfImage::str, 256, 16u << 20},
                                       {"line_str", &DwarfImage::line_str, 256, 1u << 20},
                                       {"str_offsets", &DwarfImage::str_offsets, 4096, 0},
                                       {"addr", &DwarfImage::addr, 4096, 0},
                                       {"ranges", &DwarfImage::ranges, 16384, 0},
                                       {"rnglists", &DwarfImage::rnglists, 16384, 0}};

Result<DwarfSection> open_section(const std::shared_ptr<const ElfFile>& file, const ElfSection& section,
                                  const WantedSection& wanted, uint64_t& unpacked) {
  if ((section.flags & SHF_COMPRESSED) || section.name.starts_with(".zdebug")) {
    auto bytes = file->contents(section, kMostUnpackedBytes - unpacked);
    if (!bytes) {
      if (bytes.error().code == ErrorCode::kSkipped)
        return fail(ErrorCode::kSkipped, file->source().name(),
                    fmt::format("the debug information unpacks to more than {} MiB", kMostUnpackedBytes >> 20));
      return tl::unexpected<Error>(bytes.error());
    }
    unpacked += bytes->size();
    return DwarfSection(std::move(*bytes));
  }
  if (section.size > wanted.whole) return DwarfSection(file, section, wanted.window);
  std::string bytes;
  if (!file->source().read_some(section.offset, section.size, bytes))
    return fail_errno(file->source().name(), errno, "read failed");
  return DwarfSection(std::move(bytes));
}

}  // namespace

std::optional<DwarfUnitHeader> parse_unit_header(std::string_view bytes, uint64_t offset) {
  DwarfUnitHeader unit;
  unit.offset = offset;
  DwarfCursor cursor(bytes);
  uint64_t length = cursor.u32();
  if (length == 0xffffffffu) {
    unit.format.offset_size = 8;
    length = cursor.u64();
  } else if (length >= 0xfffffff0u) {
    return std::nullopt;
  }
  if (length > UINT64_MAX - offset - cursor.offset()) return std::nullopt;
  unit.end = offset + cursor.offset() + length;
  unit.format.version = cursor.u16();
  if (unit.format.version < 2 || unit.format.version > 5) return std::nullopt;
  unit.type = DW_UT_compile;
  if (unit.format.version >= 5) {
    unit.type = cursor.u8();
    unit.format.address_size = cursor.u8();
    unit.abbrevs = cursor.number(unit.format.offset_size);
    if (unit.type == DW_UT_skeleton || unit.type == DW_UT_split_compile) unit.split_id = cursor.u64();
    if (unit.type == DW_UT_type || unit.type == DW_UT_split_type) cursor.skip(8u + unit.format.offset_size);
  } else {
    unit.abbrevs = cursor.number(unit.format.offset_size);
    unit.format.address_size = cursor.u8();
  }
  unit.root = offset + cursor.offset();
  if (!cursor.ok() || unit.root > unit.end || (unit.format.address_size != 4 && unit.format.address_size != 8))
    return std::nullopt;
  return unit;
}

Result<DwarfImage> DwarfImage::open(std::shared_ptr<const ElfFile> file, bool split) {
  if (!find_section(*file, "info", split) && !find_section(*file, "line", split))
    return fail(ErrorCode::kNotFound, file->source().name(), "no debug information in it");
  DwarfImage image;
  image.split = split;
  uint64_t unpacked = 0;
  for (const WantedSection& wanted : kSections) {
    const ElfSection* section = find_section(*file, wanted.name, split);
    if (!section) continue;
    auto opened = open_section(file, *section, wanted, unpacked);
    if (!opened) return tl::unexpected<Error>(opened.error());
    image.*wanted.section = std::move(*opened);
  }
  image.file_ = std::move(file);
  return image;
}

const std::vector<DwarfUnitHeader>& DwarfImage::units() {
  if (units_) return *units_;
  units_.emplace();
  for (uint64_t at = 0; at < info.size() && units_->size() < kMostUnits;) {
    auto unit = parse_unit_header(info.at(at, kLongestHeader), at);
    if (!unit) break;
    at = unit->end;
    if (unit->end > info.size()) break;
    units_->push_back(*unit);
  }
  return *units_;
}

const DwarfUnitHeader* DwarfImage::unit_at(uint64_t offset) {
  const auto& all = units();
  auto after = std::upper_bound(all.begin(), all.end(), offset,
                                [](uint64_t value, const DwarfUnitHeader& unit) { return value < unit.offset; });
  if (after == all.begin()) return nullptr;
  const DwarfUnitHeader& unit = *std::prev(after);
  return offset >= unit.root && offset < unit.end ? &unit : nullptr;
}

std::optional<DwarfAbbrevs> DwarfImage::abbrevs_up_to(const DwarfUnitHeader& unit, uint64_t code) {
  std::optional<DwarfAbbrevs> table;
  for (size_t part : {size_t{512}, kLongestRootTable}) {
    if (root_work_ >= kMostRootWork) return std::nullopt;
    std::string_view bytes = abbrev.at(unit.abbrevs, part).substr(0, part);
    table = DwarfAbbrevs::parse(bytes, unit.format, code);
    root_work_ += table ? table->weight() : bytes.size();
    if (table) break;
  }
  return table;
}

const DwarfAbbrevs* DwarfImage::abbrevs_of(const DwarfUnitHeader& unit) {
  TableKey key{unit.abbrevs, unit.format.address_size, unit.format.offset_size, unit.format.version == 2};
  auto [at, fresh] = tables_.try_emplace(key);
  if (fresh && weight_ < kMostTables) {
    size_t looked_at = 0;
    for (size_t wanted = 4096; !at->second && wanted <= kMostTableBytes; wanted = 4 * std::max(wanted, looked_at)) {
      std::string_view bytes = abbrev.at(unit.abbrevs, wanted).substr(0, kMostTableBytes);
      at->second = DwarfAbbrevs::parse(bytes, unit.format);
      looked_at = bytes.size();
      if (bytes.size() < wanted) break;
    }
    weight_ += at->second ? at->second->weight() : looked_at;
  }
  return at->second ? &*at->second : nullptr;
}

std::string_view DwarfImage::text_of(const DwarfValue& value) {
  if (value.form == DW_FORM_line_strp) return line_str.text(value.number);
  if (value.form == DW_FORM_strp) return str.text(value.number);
  return value.form == DW_FORM_string ? value.text : std::string_view();
}

void DwarfImage::forget() {
  tables_.clear();
  weight_ = 0;
}

}  // namespace ec
