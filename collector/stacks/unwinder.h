// From registers and copied stack bytes to program counters. Everything is offline: nothing is read from the live
// target.
//
// Call frame information is evaluated by libunwind; which information applies, and what to do where there is none, is
// ours: libunwind's own fallback is wrong on x86-64 (its frame-pointer walk loses the stack pointer), so it is never
// used. Where this ends early, or would have to search, libdw is asked for the step.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "collector/stacks/modules.h"
#include "collector/target/registers.h"

namespace ec {

enum class FoundBy : uint8_t { kRegisters, kCfi, kFramePointer, kSignalFrame, kLeaf, kScan, kGo, kLibdw };
// As in docs/archive-format.md: "registers", "cfi", "frame-pointer", "signal-frame", "leaf", "scan", "go", "libdw".
std::string_view to_string(FoundBy found_by);

enum class StackEnd : uint8_t {
  kRoot,
  kLimit,
  kNoUnwindInfo,
  kBadMemory,
  kOtherStack,  // Go goes on on another stack, and which one is not known
};
std::string_view to_string(StackEnd end);

struct PcFrame {
  uint64_t pc = 0;
  FoundBy found_by = FoundBy::kRegisters;
  bool return_address = false;  // names are looked up at pc - 1
};

struct PcStack {
  std::vector<PcFrame> frames;  // innermost first
  StackEnd end = StackEnd::kNoUnwindInfo;
  bool needs_registers = false;  // a register that is not known would have led further, or more certainly
  uint64_t missing_address = 0;  // of stack memory that is not in the copy; 0 = none was missed
};

// A stack of the usual 8 MiB with frames of 64 bytes.
constexpr size_t kMostFrames = 128 * 1024;

class Unwinder {
 public:
  // `modules` must outlive the unwinder.
  explicit Unwinder(Modules& modules);
  ~Unwinder();
  Unwinder(const Unwinder&) = delete;
  Unwinder& operator=(const Unwinder&) = delete;

  // At most `most_frames` of them; StackEnd::kLimit says that there are more.
  PcStack unwind(const Registers& registers, const std::vector<StackBytes>& stack, size_t most_frames = kMostFrames);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ec
