// Recursion in a stack: the same few frames again and again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ec {

struct FrameRun {
  size_t begin = 0, length = 0;  // its frames
  size_t times = 1;              // how often they follow each other
};

// All of `frames` in order. Cycles of up to 16 frames that follow each other at least four times are one run each, what
// stands between them is one run of times 1.
std::vector<FrameRun> frame_runs(std::span<const uint32_t> frames);

}  // namespace ec
