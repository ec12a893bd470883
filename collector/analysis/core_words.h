// What a core file says about the end of its process, in words.
#pragma once

#include <string>
#include <string_view>

#include "collector/snapshot/snapshot.h"

namespace ec {

enum class MemoryAccess { kUnknown, kRead, kWrite };
// What an x86-64 instruction does to the memory that it names; instructions that do both write.
MemoryAccess memory_access(std::string_view instruction);

// Whether a signal ended the process: not when a debugger wrote the core of a live one.
bool ended_by_signal(const CoreFacts& core);
// "SIGSEGV: address 0x0 not mapped, read by thread 42 `worker`"; without a signal, who wrote the core.
std::string signal_words(const Snapshot& snapshot);
// Why it came to that, as far as the stack of that thread tells: an exception that nobody caught, a failed assertion, a
// stack that was used up; "" when nothing is known. A sentence without its full stop.
std::string cause_words(const Snapshot& snapshot);

}  // namespace ec
