// Frames of Go functions. runtime.pclntab, which no strip removes, tells the size of each by instruction, so nothing
// has to be searched for, and leaf functions keep their callers, whom frame pointers lose. What Go's own traceback
// does: runtime.gentraceback of src/runtime/traceback.go.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "collector/stacks/modules.h"
#include "collector/target/registers.h"

namespace ec {

class GoFrames {
 public:
  explicit GoFrames(Modules& modules) : modules_(modules) {}

  struct Step {
    enum class Outcome : uint8_t {
      kStepped,
      kRoot,        // nothing called this function
      kOtherStack,  // its caller is on another stack, which is not known
      kBadMemory,   // the caller's address is not in the copy
    };
    Outcome outcome = Outcome::kRoot;
    Registers caller;                   // kStepped
    bool return_address = true;         // kStepped: the caller's pc follows a call
    bool switched_stack = false;        // kStepped: the caller's stack pointer is not above that of this frame
    uint64_t missing_address = 0;       // kOtherStack, kBadMemory: memory that would lead further; 0 = none
    bool needs_thread_pointer = false;  // kOtherStack: it would lead further
  };
  // From a frame in Go code to its caller. Nothing when pc is no Go code whose frame is known. `thread_pointer`: of the
  // thread, where it is known.
  std::optional<Step> step(const Registers& now, bool return_address, const std::vector<StackBytes>& stack,
                           std::optional<uint64_t> thread_pointer = std::nullopt);

 private:
  struct Frame {
    enum class Kind : uint8_t { kOrdinary, kFirst, kSwitches, kCallsC, kSystemStack, kMoreStack, kSignal, kClone };
    Kind kind = Kind::kOrdinary;
    uint32_t size = 0;
  };
  std::optional<Frame> frame_at(uint64_t pc, bool return_address);
  bool begins_a_function(uint64_t pc);
  bool in_newosproc(uint64_t return_address);
  Step goroutine_stack(const Registers& now, const Frame& frame, const std::vector<StackBytes>& stack,
                       std::optional<uint64_t> thread_pointer);
  Step out_of_c(const Registers& now, const Frame& frame, const std::vector<StackBytes>& stack);

  Modules& modules_;
  std::unordered_map<uint64_t, std::optional<Frame>> known_;  // by address within the call
};

}  // namespace ec
