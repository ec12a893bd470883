// By which call paths the target touched memory for the first time while a series of samples was taken: how a program
// grows whose allocator tells nothing. What it gave back meanwhile is not taken off.
#pragma once

#include <vector>

#include "collector/snapshot/snapshot.h"

namespace ec {

struct TouchedMemory {
  int64_t bytes = 0;                     // of all paths
  std::vector<GrownAllocation> by_path;  // without allocator and copying at the inner end; most first
};
// Estimates: page faults are sampled. Empty when there are none.
TouchedMemory touched_memory(const Snapshot& snapshot);

}  // namespace ec
