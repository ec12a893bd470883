// Unwinding that asks for more of the stack as long as that leads further: other stacks that a signal came from, and
// what is beyond the first copy.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "collector/stacks/unwinder.h"
#include "collector/target/address_space.h"

namespace ec {

constexpr size_t kStackCap = 64 * 1024;  // of the first copy

// Copies up to `size` bytes from `address`, and says how many; 0: there is nothing to be had.
using FetchStack = std::function<size_t(uint64_t address, char* destination, size_t size)>;

// `buffer`: where the further copies go, each as large as all before it. A copy that ends where the buffer begins grows
// into it.
PcStack unwind_further(Unwinder& unwinder, const AddressSpace& space, const Registers& registers,
                       std::vector<StackBytes> copies, std::span<char> buffer, const FetchStack& fetch,
                       size_t most_frames = kMostFrames);

// Room for the stack of one thread after the other: 8 MiB, the usual limit of a stack. Very deep ones may have 128 Ki
// frames together; once those are used up, each is cut at 1,024.
class StackRoom {
 public:
  StackRoom();
  char* first() { return bytes_.get(); }  // where the first copy goes, kStackCap bytes
  PcStack unwind(Unwinder& unwinder, const AddressSpace& space, const Registers& registers,
                 std::vector<StackBytes> copies, const FetchStack& fetch);

 private:
  std::unique_ptr<char[]> bytes_;
  size_t deep_frames_left_ = kMostFrames;
};

}  // namespace ec
