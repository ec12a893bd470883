// Where the CPU time of the target went while it was sampled from outside, and what its threads waited in meanwhile. Or
// where it touched memory for the first time: then there are samples only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collector/snapshot/threads.h"

namespace ec {

struct CpuSample {  // equal ones of one thread
  int tid = 0;
  std::optional<uint32_t> stack;  // index into CpuProfile::stacks; none: not known
  std::optional<uint32_t> chain;  // index into CpuProfile::chains; none: it ran in user space
  uint64_t count = 0;
  uint64_t weight = 0;  // as CpuProfile::unit
};

// What one thread did between two readings of its counters.
struct ThreadSpan {
  int tid = 0;
  std::optional<uint32_t> stack;                   // that it was blocked in at the end of it
  uint64_t span_ns = 0, run_ns = 0, delay_ns = 0;  // delay: ready to run, without a CPU
};

struct CpuProfile {
  std::string event;         // "cpu-clock", "cycles", "page-faults"; "" = nothing was sampled
  std::string unit;          // of weights: "ns", "cycles", "bytes"
  std::string refused, fix;  // why nothing was sampled, and what would change it
  unsigned hz = 0;
  bool kernel = false;  // time in the kernel was sampled as well
  bool target_ended = false;
  uint64_t asked_ns = 0, span_ns = 0;
  uint64_t cpu_ns = 0;                        // of the whole process, by its clock
  uint64_t threads = 0, sampled_threads = 0;  // at the start; those that started later belong to the sampled ones
  uint64_t samples = 0, weight = 0, lost = 0, cut = 0, unkept = 0, elsewhere = 0;
  uint64_t stack_bytes = 0;  // that the kernel copied of a stack at most
  std::vector<CpuSample> spent;
  std::vector<ThreadSpan> waited;
  std::vector<Frame> frames;
  std::vector<Stack> stacks;  // of user space
  std::vector<Stack> chains;  // of the kernel
};

}  // namespace ec
