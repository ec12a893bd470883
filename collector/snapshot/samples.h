// A series of samples: what every thread was in, N times, S seconds apart.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "collector/snapshot/threads.h"

namespace ec {

struct ThreadSample {
  int tid = 0;
  std::optional<uint32_t> stack;  // index into SampleSeries::stacks
  uint64_t run_ns = 0;            // CPU time of the thread so far, schedstat; 0 = not known
};

// Of the stops of threads that were running.
struct SampleCost {
  int64_t stop_ns = 0, worst_thread_ns = 0;
  int threads_stopped = 0, calls_interrupted = 0;
};

struct StackSample {
  int64_t at_ns = 0;  // since the first
  SampleCost cost;
  std::vector<ThreadSample> threads;
};

struct SampleSeries {
  uint64_t asked = 0;
  int64_t every_ns = 0;
  std::vector<StackSample> samples;
  std::vector<Frame> frames;
  std::vector<Stack> stacks;  // different ones only, over all samples
};

}  // namespace ec
