// What an ELF object that a JIT compiler registered with debuggers says about unwinding its code. Such an object was
// never loaded: its section headers say where the code is that it describes, and in a relocatable one (those of LLVM)
// the call frame information is as the compiler wrote it, with its relocations beside it. Hostile input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "symbolize/elf_file.h"

namespace ec {

// The addresses of the target that the executable sections of an object have, by its section headers alone.
struct JitCodeRange {
  uint64_t begin = 0, end = 0;
};
// `headers`: the bytes of the table of section headers of a 64-bit file.
std::vector<JitCodeRange> jit_code_ranges(std::string_view headers);

struct JitFrameInfo {
  uint64_t eh_frame_address = 0;
  std::string eh_frame;     // relocated; "" = there is none
  std::string debug_frame;  // the same; QEMU has only that
};
// `code`: an address near the code, where an .eh_frame without an address is taken to be.
JitFrameInfo jit_frame_info(const ElfFile& object, uint64_t code);

}  // namespace ec
