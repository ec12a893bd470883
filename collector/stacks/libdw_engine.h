// The second engine: the same call frame information and the same copy of the stack, evaluated by libdw instead of
// libunwind. It goes on where the first one cannot, and is what the first one is checked against.
//
// It also looks the information up by itself, entry by entry, and so finds what a damaged search table hides.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "collector/stacks/cfi_stepper.h"
#include "collector/stacks/modules.h"
#include "collector/target/registers.h"

namespace ec {

class LibdwEngine {
 public:
  // `modules` must outlive it. Nothing is done before the first step.
  explicit LibdwEngine(Modules& modules);
  ~LibdwEngine();
  LibdwEngine(const LibdwEngine&) = delete;
  LibdwEngine& operator=(const LibdwEngine&) = delete;

  // From a frame to its caller, by call frame information only. What it says is what CfiStepper would say, except that
  // it does not tell what is missing.
  CfiStepper::Step step(const Registers& now, const std::vector<StackBytes>& stack, bool return_address);

  // The program counters of a whole stack, innermost first, by libdw alone: also with its guess for code without call
  // frame information, which is the frame pointer, unchecked.
  std::vector<uint64_t> walk(const Registers& start, const std::vector<StackBytes>& stack, size_t most_frames);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ec
