// What the bytes of the target's code say about an address, where nothing else does: that a call stands before it, or
// that it is one of the few places to which nothing returns by a call.
#pragma once

#include <cstdint>

#include "collector/stacks/modules.h"

namespace ec {

// The instruction before `address` is a call: e8 rel32, or ff /2 with its operand forms (Intel SDM vol. 2, CALL).
bool after_call(Modules& modules, uint64_t address);
// A direct call just before `address` goes to `target`.
bool called_directly(Modules& modules, uint64_t address, uint64_t target);
bool returns_to_code(Modules& modules, uint64_t address);
// The trampoline of signals, which calls rt_sigreturn(2).
bool is_sigreturn(Modules& modules, uint64_t pc);
// runtime.goexit of Go, to whose second instruction the first function of a goroutine returns without having been
// called.
bool is_goexit(Modules& modules, uint64_t address);

}  // namespace ec
