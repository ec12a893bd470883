// The caller of a frame, looked for on its stack where neither call frame information nor a frame pointer leads to it:
// by the prologue of the function, by a call of exactly this function, by frames that are linked with each other, or,
// last, by any word that is a return address. All are bounded, and what is found may be wrong.
#pragma once

#include <optional>
#include <vector>

#include "collector/stacks/modules.h"
#include "collector/stacks/unwinder.h"
#include "collector/target/registers.h"

namespace ec {

// The next frame outwards.
struct NextFrame {
  Registers registers;
  FoundBy found_by;
  bool return_address = true;
  bool other_stack = false;  // its stack pointer need not be above that of the callee
};

class FrameSearch {
 public:
  // Both must outlive it.
  FrameSearch(Modules& modules, const std::vector<StackBytes>& stack) : modules_(modules), stack_(stack) {}

  // rbp is not known; but frames that are linked by it show themselves: "saved rbp, return address" three times, each
  // saved rbp leading to the next, the last one perhaps being zero.
  std::optional<NextFrame> base_by_chain(const Registers& now) const;
  // Above the last frame of a stack no code with call frame information was called from.
  bool leads_to_cfi(const Registers& now) const;
  std::optional<NextFrame> scan(const Registers& now) const;
  // The information wants the frame base in rbp, which a thread read without a stop does not tell. The prologue of
  // the function that begins at `function` does:
  //   push %rbp; mov %rsp,%rbp; push %r12 …; sub $size,%rsp
  // says how far above the stack pointer of a call the base is, unless the function moved it again (alloca).
  std::optional<NextFrame> base_by_prologue(const Registers& now, uint64_t function) const;
  // Without such a prologue: the frame of a function whose base is rbp begins "saved rbp, return address", and the
  // return address behind a direct call of exactly this function is most likely its own.
  std::optional<NextFrame> frame_base_of(const Registers& now, uint64_t function) const;

 private:
  std::optional<uint64_t> word(uint64_t address) const { return stack_word(stack_, address); }

  Modules& modules_;
  const std::vector<StackBytes>& stack_;
};

}  // namespace ec
