// What has to be known of a Go program before its goroutines can be read. No symbol is needed: the variables are those
// that certain functions of the runtime refer to, and each candidate is checked by what stands in memory there, so a
// wrong one is not taken.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collector/runtimes/go_layout.h"
#include "collector/runtimes/memory.h"
#include "symbolize/elf_file.h"
#include "symbolize/go_pcvalue.h"

namespace ec {

struct GoProgram {
  std::string version;  // "1.19.8"
  GoLayout layout;
  GoPcTable functions;
  uint64_t bias = 0;            // address in memory - address in the file
  uint64_t all_goroutines = 0;  // of runtime.allgs, a slice of pointers
  uint8_t wrapper_kind = 0;     // GoPcTable::Function::kind of functions that the compiler made; 0 = not known
  std::vector<std::string> wait_reasons;  // by number; empty when they were not found
};

// Errors: not-found (no Go program, or its list of goroutines is not where the runtime refers to it), unsupported (its
// version or its layout is not known).
Result<GoProgram> find_go_program(const std::shared_ptr<const ElfFile>& file, uint64_t bias, RuntimeMemory& memory);

// Addresses that instructions in `code` may refer to relative to themselves (Intel SDM vol. 2, 2.2.1.6): every place
// of four bytes is taken for such a distance, with no immediate or one of 1 or 4 bytes behind it. Those outside
// [begin, end) or not at a multiple of 8 are left out; ascending, without doubles.
std::vector<uint64_t> data_references(std::string_view code, uint64_t code_address, uint64_t begin, uint64_t end);

// The words for wait reasons, when `address` is that of the runtime's table of them; else nothing.
std::vector<std::string> wait_reasons_at(RuntimeMemory& memory, uint64_t address);
// Whether the slice at `address` holds pointers to goroutines of this layout.
bool holds_goroutines(RuntimeMemory& memory, uint64_t address, const GoLayout& layout);

}  // namespace ec
