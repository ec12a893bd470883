// Stacks of the snapshot as boxes of a flame graph.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "collector/snapshot/threads.h"

namespace ec {

// Outermost first, as short as boxes are narrow. Indices out of range are left out. `stack`: innermost first.
std::vector<std::string> box_names(const std::vector<Frame>& frames, std::span<const uint32_t> stack);

}  // namespace ec
