// The outline of an ELF file: header, segments, sections. ELF gABI (System V ABI, chapters 4 and 5). Both classes, byte
// order of this machine. Hostile input: nothing is trusted, every offset is checked against the file's size.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"
#include "symbolize/byte_source.h"

namespace ec {

struct ElfSection {
  std::string_view name;  // into the ElfFile's name table
  uint32_t type = 0, link = 0, info = 0;
  uint64_t flags = 0, address = 0, offset = 0, size = 0, entry_size = 0;
};

struct ElfSegment {
  uint32_t type = 0, flags = 0;
  uint64_t offset = 0, address = 0, file_size = 0, memory_size = 0;
};

class ElfFile {
 public:
  // Reads header, segment and section tables; contents come when asked for. Errors: malformed, truncated, unsupported
  // (other byte order), those of pread(2). A file whose section table is broken but whose header is sound has none.
  static Result<ElfFile> open(ByteSource source);

  ElfFile(ElfFile&&) noexcept = default;
  ElfFile& operator=(ElfFile&&) noexcept = default;

  const ByteSource& source() const { return source_; }
  bool is_64_bit() const { return is_64_bit_; }
  uint16_t type() const { return type_; }        // ET_EXEC, ET_DYN …
  uint16_t machine() const { return machine_; }  // EM_X86_64 …
  uint64_t entry() const { return entry_; }
  const std::vector<ElfSegment>& segments() const { return segments_; }
  const std::vector<ElfSection>& sections() const { return sections_; }
  // The first of this name (this type), null when there is none.
  const ElfSection* section(std::string_view name) const;
  const ElfSection* section_of_type(uint32_t type) const;
  // The section in memory that holds this address, null when none does.
  const ElfSection* section_at(uint64_t address) const;

  // The bytes; a compressed section (SHF_COMPRESSED, ".zdebug_…") unpacked. Errors: truncated; skipped when larger than
  // `limit`; unsupported for SHT_NOBITS.
  Result<std::string> contents(const ElfSection& section, uint64_t limit = 64u << 20) const;
  // Offset in the file of the byte at this address; nothing when the file does not hold it.
  std::optional<uint64_t> file_offset(uint64_t address) const;

  // What the dynamic linker adds the load bias to and stores at this address, by the RELA sections of a 64-bit file: in
  // a position-independent executable the file itself holds 0 there. Nothing when there is no such relocation.
  std::optional<uint64_t> relocated_value(uint64_t address) const;

  // Hex, "" = none. The NT_GNU_BUILD_ID note only; Go's own build id is another thing.
  std::string build_id() const;

 private:
  ElfFile() = default;
  template <class Types>
  Result<void> read_tables();
  template <class Types>
  void read_sections(uint64_t offset, uint64_t count, uint64_t name_index);

  ByteSource source_;
  std::string names_;
  std::vector<ElfSegment> segments_;
  std::vector<ElfSection> sections_;
  bool is_64_bit_ = true;
  uint16_t type_ = 0, machine_ = 0;
  uint64_t entry_ = 0;
};

// The description of the first NT_GNU_BUILD_ID note in the bytes of a note section or segment, as hex; "" = none.
// `alignment` is that of the section, 4 or 8.
std::string build_id_of_notes(std::string_view notes, uint64_t alignment = 4);

}  // namespace ec
