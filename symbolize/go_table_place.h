// Where runtime.pclntab stands in a Go program.
#pragma once

#include <cstdint>
#include <optional>

#include "symbolize/elf_file.h"

namespace ec {

struct GoTablePlace {
  uint64_t offset = 0, address = 0, size = 0;  // size: at most; what follows may be something else
};

// Its section; or, where an external linker has put it among other constants (programs with C in them that are
// position-independent), the place in .data.rel.ro that begins as it does. Nothing when the file has none.
std::optional<GoTablePlace> find_go_table(const ElfFile& elf);

}  // namespace ec
