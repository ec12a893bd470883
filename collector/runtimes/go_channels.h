// Which channel a goroutine waits for, and who else could ever wake it: as far as stacks tell, for a reference in the
// heap is not looked for. A channel that nobody else's stack has is a reason for a suspicion, not a proof.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "collector/base/clock.h"
#include "collector/runtimes/goroutines.h"

namespace ec {

struct GoChannel {
  uint64_t address = 0;        // of runtime.hchan
  uint32_t element_bytes = 0;  // at most 65535
  uint32_t others = 0;         // goroutines that wait for it too, or whose stacks have its address
};
using GoChannels = std::unordered_map<uint64_t, GoChannel>;  // by number of the goroutine

// Of goroutines in a send or receive, not in a select. Empty when not all stacks could be searched: by the deadline,
// because there are too many (64 MiB of stacks), or because some goroutines were left out.
GoChannels read_channels(const GoProgram& program, RuntimeMemory& memory, const ReadGoroutines& read,
                         const Deadline& deadline);

}  // namespace ec
