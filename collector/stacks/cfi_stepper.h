// One step outwards by call frame information, with libunwind's evaluator behind own lookup of the information.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "collector/stacks/modules.h"
#include "collector/target/registers.h"

namespace ec {

class CfiStepper {
 public:
  explicit CfiStepper(Modules& modules);
  ~CfiStepper();
  CfiStepper(const CfiStepper&) = delete;
  CfiStepper& operator=(const CfiStepper&) = delete;

  // Begins at a frame. `return_address`: pc follows a call, so the information for pc - 1 applies. Both arguments must
  // live until the next start().
  void start(const Registers& registers, const std::vector<StackBytes>& stack, bool return_address);

  enum class Outcome {
    kStepped,
    kRoot,    // the information says that this is the outermost frame
    kNoInfo,  // no information covers the address
    kFailed,  // it does, but a register or memory that it needs is missing, or it is damaged
  };
  struct Step {
    Outcome outcome = Outcome::kFailed;
    Registers registers;            // kStepped: of the caller; what a callee must preserve, where known
    bool interrupted = false;       // the caller did not call: a signal stopped it at pc
    bool missing_register = false;  // kFailed
    uint64_t missing_address = 0;   // kFailed; 0 = no memory was missing
  };
  Step step();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ec
