#include "collector/stacks/unwind_further.h"

#include <algorithm>

namespace ec {

namespace {

// The first word that is missed is a return address; the registers that the function saved stand below it.
uint64_t first_byte(const Region& region, uint64_t missing, const StackBytes& last) {
  constexpr uint64_t kSavedBelow = 4096;
  uint64_t begin = missing - std::min(kSavedBelow, missing - region.begin), copied_until = last.address + last.size;
  return last.address <= missing && copied_until <= missing ? std::max(begin, copied_until) : begin;
}

}  // namespace

PcStack unwind_further(Unwinder& unwinder, const AddressSpace& space, const Registers& registers,
                       std::vector<StackBytes> copies, std::span<char> buffer, const FetchStack& fetch) {
  PcStack stack = unwinder.unwind(registers, copies);
  char* free = buffer.data();
  while (stack.missing_address != 0 && static_cast<size_t>(buffer.data() + buffer.size() - free) >= kStackCap) {
    const Region* region = space.find(stack.missing_address);
    if (!region || !region->readable) break;
    uint64_t begin = first_byte(*region, stack.missing_address & ~uint64_t{7}, copies.back());
    size_t size = std::min<uint64_t>(kStackCap, region->end - begin);
    size_t got = fetch(begin, free, size);
    if (got == 0) break;
    // Words must not be cut at the seam of two copies.
    if (begin == copies.back().address + copies.back().size && copies.back().data + copies.back().size == free)
      copies.back().size += got;
    else
      copies.push_back({begin, free, got});
    free += got;
    PcStack further = unwinder.unwind(registers, copies);
    bool progress = further.frames.size() > stack.frames.size() || further.end == StackEnd::kRoot ||
                    further.missing_address != stack.missing_address;
    stack = std::move(further);
    if (!progress) break;
  }
  return stack;
}

}  // namespace ec
