// Unwinding that asks for more of the stack as long as that leads further: other stacks that a signal came from, and
// what is beyond the first copy.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "collector/stacks/unwinder.h"
#include "collector/target/address_space.h"

namespace ec {

constexpr size_t kStackCap = 64 * 1024;  // of one copy
constexpr size_t kMostExtraCopies = 16;  // for one thread

// Copies up to `size` bytes from `address`, and says how many; 0: there is nothing to be had.
using FetchStack = std::function<size_t(uint64_t address, char* destination, size_t size)>;

// `buffer`: where the further copies go. A copy that ends where the buffer begins grows into it.
PcStack unwind_further(Unwinder& unwinder, const AddressSpace& space, const Registers& registers,
                       std::vector<StackBytes> copies, std::span<char> buffer, const FetchStack& fetch);

}  // namespace ec
