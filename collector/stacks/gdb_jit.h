// The list that JIT compilers keep for debuggers: "JIT Compilation Interface" of GDB's manual. Entries lead to ELF
// objects in the target's memory, which the target changes meanwhile and which it may have filled with anything.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "collector/base/clock.h"
#include "symbolize/elf_file.h"
#include "symbolize/jit_names.h"

namespace ec {

// Copies up to `size` bytes from an address of the target; gives how many.
using ReadTarget = std::function<size_t(uint64_t address, void* destination, size_t size)>;

// The address in the file of __jit_debug_descriptor; nothing when the file does not define it.
std::optional<uint64_t> jit_descriptor_in(const ElfFile& file);

// What the objects of the list at `descriptor`, an address of the target, say about these addresses. The first object
// that covers an address wins: new ones are put in front.
JitNames names_in_jit_list(uint64_t descriptor, const ReadTarget& read, const std::vector<uint64_t>& addresses,
                           Deadline deadline);

}  // namespace ec
