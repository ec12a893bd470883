#include "symbolize/dwarf_file.h"

#include <gelf.h>

#include <cstring>
#include <optional>

namespace ec {

namespace {

constexpr uint64_t kMostUnpackedBytes = 256u << 20;

bool has_debug_information(const ElfFile& file) {
  for (const char* name : {".debug_info", ".zdebug_info", ".debug_line", ".zdebug_line"})
    if (const ElfSection* section = file.section(name); section && section->type != SHT_NOBITS) return true;
  return false;
}

// ".zdebug_*": "ZLIB", then the size as a big-endian number of 8 bytes.
uint64_t old_unpacked_size(const ElfFile& file, const ElfSection& section) {
  auto bytes = file.source().read(section.offset, 12);
  if (!bytes || !bytes->starts_with("ZLIB")) return 0;
  uint64_t size = 0;
  for (char byte : bytes->substr(4)) size = size << 8 | static_cast<unsigned char>(byte);
  return size;
}

// libdw unpacks every section when it opens the file.
Result<void> check_compression(const ElfFile& file, Elf* elf) {
  uint64_t total = 0;
  for (size_t i = 0; i < file.sections().size(); ++i) {
    const ElfSection& section = file.sections()[i];
    uint64_t size = 0;
    if (section.name.starts_with(".zdebug_")) size = old_unpacked_size(file, section);
    if (section.name.starts_with(".debug_") && (section.flags & SHF_COMPRESSED)) {
      Elf_Scn* scn = elf_getscn(elf, i);
      GElf_Chdr header;
      if (!scn || !gelf_getchdr(scn, &header)) continue;
      if (header.ch_type != ELFCOMPRESS_ZLIB)
        return fail(ErrorCode::kUnsupported, file.source().name(),
                    header.ch_type == 2 ? "debug information compressed with zstd" : "unknown compression");
      size = header.ch_size;
    }
    if (size > kMostUnpackedBytes || (total += size) > kMostUnpackedBytes)
      return fail(ErrorCode::kSkipped, file.source().name(),
                  fmt::format("the debug information unpacks to more than {} MiB", kMostUnpackedBytes >> 20));
  }
  return {};
}

}  // namespace

Result<DwarfFile::Part> DwarfFile::open_part(std::shared_ptr<const ElfFile> file) {
  elf_version(EV_CURRENT);
  Part part;
  const ByteSource& source = file->source();
  if (source.fd() >= 0) {
    part.elf.reset(elf_begin(source.fd(), ELF_C_READ_MMAP, nullptr));
  } else {
    part.image = std::make_unique<std::string>();
    source.read_some(0, source.size(), *part.image);
    part.elf.reset(elf_memory(part.image->data(), part.image->size()));
  }
  if (!part.elf) return fail(ErrorCode::kMalformed, source.name(), "libelf cannot read it");
  if (auto checked = check_compression(*file, part.elf.get()); !checked) return tl::unexpected<Error>(checked.error());
  part.file = std::move(file);
  return part;
}

Result<DwarfFile> DwarfFile::open(std::shared_ptr<const ElfFile> file, const DebugPlaces& places) {
  if (!has_debug_information(*file))
    return fail(ErrorCode::kNotFound, file->source().name(), "no debug information in it");
  DwarfFile opened;
  auto part = open_part(file);
  if (!part) return tl::unexpected<Error>(part.error());
  opened.part_ = std::move(*part);
  opened.dwarf_.reset(dwarf_begin_elf(opened.part_.elf.get(), DWARF_C_READ, nullptr));
  if (!opened.dwarf_) return fail(ErrorCode::kMalformed, file->source().name(), dwarf_errmsg(dwarf_errno()));
  if (auto alt = find_alt_file(*file, places)) {
    if (auto alt_part = open_part(alt)) {
      opened.alt_part_ = std::move(*alt_part);
      opened.alt_.reset(dwarf_begin_elf(opened.alt_part_.elf.get(), DWARF_C_READ, nullptr));
    }
  }
  if (opened.alt_)
    dwarf_setalt(opened.dwarf_.get(), opened.alt_.get());
  else
    opened.missing_alt_ = alt_build_id(*file);
  return opened;
}

}  // namespace ec
