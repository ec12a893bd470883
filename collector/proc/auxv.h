// /proc/PID/auxv, proc(5), getauxval(3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

struct AuxvEntry {
  uint64_t type = 0, value = 0;
};

struct Auxv {
  int word_bytes = 8;              // 4 for a 32-bit process
  std::vector<AuxvEntry> entries;  // without AT_NULL

  std::optional<uint64_t> value(uint64_t type) const;
};

// In the byte order of this machine; the word size is told from the content. Empty bytes (kernel thread, zombie) give
// no entries. Errors: malformed; truncated when AT_NULL is missing.
Result<Auxv> parse_auxv(std::string_view where, std::string_view bytes);

// "AT_SYSINFO_EHDR"; "AT_99" when unknown.
std::string auxv_name(uint64_t type);

}  // namespace ec
