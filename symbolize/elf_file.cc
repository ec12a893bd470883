#include "symbolize/elf_file.h"

#include <elf.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "collector/base/bytes.h"
#include "collector/base/sha256.h"
#include "symbolize/unpack.h"

namespace ec {

namespace {

struct Elf32Types {
  using Header = Elf32_Ehdr;
  using Segment = Elf32_Phdr;
  using Section = Elf32_Shdr;
};
struct Elf64Types {
  using Header = Elf64_Ehdr;
  using Segment = Elf64_Phdr;
  using Section = Elf64_Shdr;
};

// Far above what linkers write; keeps a lying header from costing memory.
constexpr uint64_t kMostSections = 200'000;
constexpr uint64_t kMostNameBytes = 16u << 20;
constexpr uint64_t kMostNoteBytes = 64 * 1024;
constexpr int kMostNotes = 100;
constexpr uint64_t kMostRelocationBytes = 64u << 20;
constexpr uint64_t kReadAtOnce = sizeof(Elf64_Rela) << 15;

uint64_t align_up(uint64_t value, uint64_t alignment) { return (value + alignment - 1) / alignment * alignment; }

}  // namespace

std::string build_id_of_notes(std::string_view notes, uint64_t alignment) {
  if (alignment != 8) alignment = 4;
  ByteCursor cursor(notes);
  while (auto header = cursor.read<Elf64_Nhdr>()) {  // same layout in both classes
    auto owner = cursor.take(header->n_namesz);
    if (!owner ||
        !cursor.skip(std::min<size_t>(align_up(cursor.offset(), alignment) - cursor.offset(), cursor.remaining())))
      break;
    auto description = cursor.take(header->n_descsz);
    if (!description) break;
    if (header->n_type == NT_GNU_BUILD_ID && *owner == std::string_view("GNU\0", 4) && description->size() <= 64)
      return to_hex(*description);
    if (!cursor.skip(std::min<size_t>(align_up(cursor.offset(), alignment) - cursor.offset(), cursor.remaining())))
      break;
  }
  return {};
}

Result<ElfFile> ElfFile::open(ByteSource source) {
  ElfFile file;
  file.source_ = std::move(source);
  std::string ident;
  if (!file.source_.read_some(0, EI_NIDENT, ident)) return fail_errno(file.source_.name(), errno, "read failed");
  if (ident.size() < EI_NIDENT || !ident.starts_with(ELFMAG))
    return fail(ErrorCode::kMalformed, file.source_.name(), "expected an ELF file");
  constexpr char kOurOrder = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
  if (ident[EI_DATA] != kOurOrder)
    return fail(ErrorCode::kUnsupported, file.source_.name(), "ELF of the other byte order");
  if (ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64)
    return fail(ErrorCode::kMalformed, file.source_.name(), "expected ELF class 32 or 64");
  file.is_64_bit_ = ident[EI_CLASS] == ELFCLASS64;
  auto done = file.is_64_bit_ ? file.read_tables<Elf64Types>() : file.read_tables<Elf32Types>();
  if (!done) return tl::unexpected<Error>(done.error());
  return file;
}

template <class Types>
Result<void> ElfFile::read_tables() {
  auto bytes = source_.read(0, sizeof(typename Types::Header));
  if (!bytes) return tl::unexpected<Error>(bytes.error());
  typename Types::Header header;
  std::memcpy(&header, bytes->data(), sizeof header);
  type_ = header.e_type;
  machine_ = header.e_machine;
  entry_ = header.e_entry;

  // Number in e_phnum, or in sh_info of section 0 when it does not fit (PN_XNUM); so many segments exist in cores only.
  if (header.e_phnum != PN_XNUM && header.e_phentsize == sizeof(typename Types::Segment)) {
    std::string table;
    source_.read_some(header.e_phoff, header.e_phnum * sizeof(typename Types::Segment), table);
    ByteCursor cursor(table);
    while (auto raw = cursor.read<typename Types::Segment>())
      segments_.push_back({raw->p_type, raw->p_flags, raw->p_offset, raw->p_vaddr, raw->p_filesz, raw->p_memsz});
  }
  if (header.e_shoff == 0 || header.e_shentsize != sizeof(typename Types::Section)) return {};
  uint64_t count = header.e_shnum, name_index = header.e_shstrndx;
  if (count == 0 || name_index == SHN_XINDEX) {
    auto first = source_.read(header.e_shoff, sizeof(typename Types::Section));
    if (!first) return {};
    typename Types::Section raw;
    std::memcpy(&raw, first->data(), sizeof raw);
    if (count == 0) count = raw.sh_size;
    if (name_index == SHN_XINDEX) name_index = raw.sh_link;
  }
  read_sections<Types>(header.e_shoff, std::min(count, kMostSections), name_index);
  return {};
}

template <class Types>
void ElfFile::read_sections(uint64_t offset, uint64_t count, uint64_t name_index) {
  std::string table;
  source_.read_some(offset, count * sizeof(typename Types::Section), table);
  std::vector<uint32_t> name_offsets;
  sections_.reserve(table.size() / sizeof(typename Types::Section));
  ByteCursor cursor(table);
  while (auto raw = cursor.read<typename Types::Section>()) {
    name_offsets.push_back(raw->sh_name);
    sections_.push_back({{},
                         raw->sh_type,
                         raw->sh_link,
                         raw->sh_info,
                         raw->sh_flags,
                         raw->sh_addr,
                         raw->sh_offset,
                         raw->sh_size,
                         raw->sh_entsize});
  }
  if (name_index >= sections_.size()) return;
  auto names = contents(sections_[name_index], kMostNameBytes);
  if (!names) return;
  names_ = std::move(*names);
  names_.reserve(32);  // beyond the small-string buffer, so that the views survive a move of this object
  std::string_view all = names_;
  for (size_t i = 0; i < sections_.size(); ++i) {
    if (name_offsets[i] >= all.size()) continue;
    std::string_view name = all.substr(name_offsets[i], 256);
    sections_[i].name = name.substr(0, name.find('\0'));
  }
}

const ElfSection* ElfFile::section(std::string_view name) const {
  for (const ElfSection& section : sections_)
    if (section.name == name) return &section;
  return nullptr;
}

const ElfSection* ElfFile::section_of_type(uint32_t type) const {
  for (const ElfSection& section : sections_)
    if (section.type == type) return &section;
  return nullptr;
}

const ElfSection* ElfFile::section_at(uint64_t address) const {
  for (const ElfSection& section : sections_)
    if ((section.flags & SHF_ALLOC) && !(section.flags & SHF_TLS) && address >= section.address &&
        address - section.address < section.size)
      return &section;
  return nullptr;
}

Result<std::string> ElfFile::contents(const ElfSection& section, uint64_t limit) const {
  if (section.type == SHT_NOBITS)
    return fail(ErrorCode::kUnsupported, source_.name(),
                fmt::format("section {} has no bytes in the file", section.name));
  if (section.size > limit)
    return fail(ErrorCode::kSkipped, source_.name(),
                fmt::format("section {} has {} bytes, over {}", section.name, section.size, limit));
  auto bytes = source_.read(section.offset, section.size);
  const bool packed = section.flags & SHF_COMPRESSED;
  if (!bytes || !(packed || section.name.starts_with(".zdebug_"))) return bytes;
  return unpack_section(fmt::format("{}: section {}", source_.name(), section.name), *bytes,
                        !packed      ? SectionPacking::kGnu
                        : is_64_bit_ ? SectionPacking::kElf64
                                     : SectionPacking::kElf32,
                        limit);
}

std::optional<uint64_t> ElfFile::file_offset(uint64_t address) const {
  for (const ElfSegment& segment : segments_)
    if (segment.type == PT_LOAD && address >= segment.address && address - segment.address < segment.file_size)
      return segment.offset + (address - segment.address);
  return std::nullopt;
}

std::optional<uint64_t> ElfFile::relocated_value(uint64_t address) const {
  std::string bytes;
  uint64_t left = kMostRelocationBytes;
  for (const ElfSection& section : sections_) {
    if (section.type != SHT_RELA || !is_64_bit_ || (section.flags & SHF_COMPRESSED)) continue;
    uint64_t size = std::min(section.size, left);
    left -= size;
    for (uint64_t at = 0; at < size; at += kReadAtOnce) {
      if (!source_.read_some(section.offset + at, std::min(kReadAtOnce, size - at), bytes) || bytes.empty()) break;
      ByteCursor cursor(bytes);
      while (auto relocation = cursor.read<Elf64_Rela>())
        if (relocation->r_offset == address) return static_cast<uint64_t>(relocation->r_addend);
    }
  }
  return std::nullopt;
}

std::string ElfFile::build_id() const {
  int notes = 0;
  for (const ElfSection& section : sections_) {
    if (section.type != SHT_NOTE || section.size > kMostNoteBytes) continue;
    if (++notes > kMostNotes) break;
    if (auto bytes = contents(section)) {
      std::string id = build_id_of_notes(*bytes);
      if (!id.empty()) return id;
    }
  }
  for (const ElfSegment& segment : segments_) {
    if (segment.type != PT_NOTE || segment.file_size > kMostNoteBytes) continue;
    if (++notes > 2 * kMostNotes) break;
    if (auto bytes = source_.read(segment.offset, segment.file_size)) {
      std::string id = build_id_of_notes(*bytes);
      if (!id.empty()) return id;
    }
  }
  return {};
}

}  // namespace ec
