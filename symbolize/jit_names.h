// Names of code that a program made at run time, from what it says about that code itself. Hostile input: a program can
// say anything.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "symbolize/elf_file.h"

namespace ec {

struct JitName {
  uint64_t start = 0;  // of the function
  std::string name;    // one printable line
};
// By the address that was asked for.
using JitNames = std::map<uint64_t, JitName>;

// What the lines "START SIZE NAME" of a perf map say about these addresses (tools/perf/Documentation/jit-interface.txt
// of Linux): hexadecimal with or without 0x, names with spaces. It is appended to for ever, so the last line that
// covers an address wins; one that is not ended may still be written, and is left out.
JitNames names_in_perf_map(std::string_view text, const std::vector<uint64_t>& addresses);

// What the function symbols of an object that a JIT compiler registered with a debugger say about these addresses: in a
// relocatable one they count from the address of their section, which the compiler has filled in.
JitNames names_in_jit_object(const ElfFile& object, const std::vector<uint64_t>& addresses);

}  // namespace ec
