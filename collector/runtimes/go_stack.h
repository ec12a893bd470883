// The stack of a goroutine: each frame's size by instruction is in the program, so the walk is exact.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "collector/runtimes/go_program.h"
#include "collector/runtimes/goroutines.h"

namespace ec {

class GoStackWalker {
 public:
  GoStackWalker(const GoProgram& program, RuntimeMemory& memory) : program_(program), memory_(memory) {}

  // From `pc` and `sp` outwards. `copy`: memory from `sp` on; what lies behind it, up to `stack_end`, is read when the
  // walk gets there. At most 256 frames.
  GoPcStack walk(uint64_t pc, uint64_t sp, uint64_t stack_end, std::string_view copy);

 private:
  struct Frame {
    bool known = false;  // its size
    bool first = false;  // nothing called it
    uint32_t size = 0;
  };
  Frame frame_at(uint64_t pc);

  const GoProgram& program_;
  RuntimeMemory& memory_;
  std::unordered_map<uint64_t, Frame> frames_;  // by pc
  std::string more_;
};

}  // namespace ec
