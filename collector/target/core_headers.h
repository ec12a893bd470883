// The ELF header and the program headers of a core file: what memory it holds, and where. Pure. Sources: elf(5), Linux
// fs/binfmt_elf.c.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

inline constexpr size_t kElfHeaderBytes = 64, kProgramHeaderBytes = 56;

struct CoreHeader {
  uint64_t table_offset = 0;
  // Of program headers; nothing: there are more than its field can hold, and section header 0 has their number.
  std::optional<uint32_t> count;
  uint64_t section_headers = 0;
};
// The first bytes of the file. Errors: malformed; unsupported, in words for the user: compressed, not a core file, of
// 32 bits, or of another machine.
Result<CoreHeader> parse_core_header(std::string_view where, std::string_view bytes);

// The number of program headers from section header 0 (sh_info), 64 bytes. 0 when there is none.
uint32_t count_from_section(std::string_view bytes);

struct CoreSegment {
  uint64_t begin = 0, end = 0;          // addresses
  uint64_t offset = 0, file_bytes = 0;  // in the core; fewer than end - begin when not all was written
  bool readable = false, writable = false, executable = false;
};
struct CoreLayout {
  std::vector<CoreSegment> segments;  // PT_LOAD, ascending, not overlapping
  uint64_t notes_offset = 0, notes_bytes = 0;
  uint64_t file_bytes = 0;  // how long the file must be to hold all of it
};
// The table of program headers; a table cut short gives those before the cut.
CoreLayout parse_core_layout(std::string_view table);

}  // namespace ec
