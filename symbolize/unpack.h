// Compressed parts of ELF files: .gnu_debugdata (an xz stream that holds an ELF file with only a .symtab,
// "MiniDebugInfo") and sections with SHF_COMPRESSED.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

// The size of what the first stream of the .xz file holds, summed over its LZMA2 chunks (The .xz File Format 1.1.0,
// section 3; the chunk headers say it, so that a small file cannot unpack to an unexpected size). Nothing when it is
// not such a file or uses other filters.
std::optional<uint64_t> xz_unpacked_size(std::string_view xz);

// Errors: malformed; skipped when it would be larger than `limit`.
Result<std::string> unpack_xz(std::string_view xz, uint64_t limit = 64u << 20);

// How a compressed section begins: with Elf32_Chdr or Elf64_Chdr (SHF_COMPRESSED, ELF gABI), or in GNU's old way
// (".zdebug_…") with "ZLIB" and the size as a big-endian number of 8 bytes.
enum class SectionPacking { kElf32, kElf64, kGnu };

// What the section with these bytes holds. Errors: malformed, unsupported (algorithm), skipped (limit).
Result<std::string> unpack_section(std::string_view where, std::string_view bytes, SectionPacking packing,
                                   uint64_t limit);

}  // namespace ec
