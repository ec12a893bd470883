// Which source line an instruction of Python bytecode belongs to: the three forms that CPython has kept it in.
#pragma once

#include <cstdint>
#include <string_view>

namespace ec {

enum class PythonLineTable {
  kLnotab,     // 3.8, 3.9: co_lnotab; CPython 3.9, Objects/lnotab_notes.txt
  kLineTable,  // 3.10: co_linetable; CPython 3.10, Objects/lnotab_notes.txt, PEP 626
  kLocations,  // 3.11 and later: co_linetable; CPython 3.11, Objects/locations.md, PEP 657
};

// The line of the instruction at `offset` bytes from the start of the code; `first_line` is co_firstlineno. A negative
// offset is the place before the first instruction, where a frame that has not begun stands. 0 = the table gives none.
int python_line(PythonLineTable form, std::string_view table, int first_line, int64_t offset);

}  // namespace ec
