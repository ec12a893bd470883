#include "collector/stacks/unwind_further.h"

#include <algorithm>

namespace ec {

namespace {

constexpr size_t kRoom = size_t{8} << 20, kShallow = 1024;

// The first word that is missed is a return address; the registers that the function saved stand below it.
uint64_t first_byte(const Region& region, uint64_t missing, const StackBytes& last) {
  constexpr uint64_t kSavedBelow = 4096;
  uint64_t begin = missing - std::min(kSavedBelow, missing - region.begin), copied_until = last.address + last.size;
  return last.address <= missing && copied_until <= missing ? std::max(begin, copied_until) : begin;
}

}  // namespace

PcStack unwind_further(Unwinder& unwinder, const AddressSpace& space, const Registers& registers,
                       std::vector<StackBytes> copies, std::span<char> buffer, const FetchStack& fetch,
                       size_t most_frames) {
  PcStack stack = unwinder.unwind(registers, copies, most_frames);
  char* free = buffer.data();
  auto room = [&] { return static_cast<size_t>(buffer.data() + buffer.size() - free); };
  while (stack.missing_address != 0 && room() >= kStackCap) {
    const Region* region = space.find(stack.missing_address);
    if (!region || !region->readable) break;
    uint64_t begin = first_byte(*region, stack.missing_address & ~uint64_t{7}, copies.back());
    // Each copy as large as all before it: the stack is unwound anew with every one.
    size_t wanted = std::max(kStackCap, static_cast<size_t>(free - buffer.data()));
    size_t size = std::min<uint64_t>(std::min(wanted, room()), region->end - begin);
    size_t got = fetch(begin, free, size);
    if (got == 0) break;
    // Words must not be cut at the seam of two copies.
    if (begin == copies.back().address + copies.back().size && copies.back().data + copies.back().size == free)
      copies.back().size += got;
    else
      copies.push_back({begin, free, got});
    free += got;
    PcStack further = unwinder.unwind(registers, copies, most_frames);
    bool progress = further.frames.size() > stack.frames.size() || further.end == StackEnd::kRoot ||
                    further.missing_address != stack.missing_address;
    stack = std::move(further);
    if (!progress) break;
  }
  return stack;
}

StackRoom::StackRoom() : bytes_(std::make_unique_for_overwrite<char[]>(kRoom)) {}

PcStack StackRoom::unwind(Unwinder& unwinder, const AddressSpace& space, const Registers& registers,
                          std::vector<StackBytes> copies, const FetchStack& fetch) {
  std::span<char> further(bytes_.get() + kStackCap, kRoom - kStackCap);
  size_t most = std::max(kShallow, deep_frames_left_);
  PcStack stack = unwind_further(unwinder, space, registers, std::move(copies), further, fetch, most);
  if (stack.frames.size() > kShallow) deep_frames_left_ -= std::min(deep_frames_left_, stack.frames.size());
  return stack;
}

}  // namespace ec
