// A series of gauges: how large the target was in this and that, N times, S seconds apart.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collector/base/part.h"
#include "collector/snapshot/process.h"

namespace ec {

enum class Gauge {
  kRss,           // bytes; statm, proc(5)
  kAnonymous,     // bytes of them that no file has
  kCgroupMemory,  // bytes; of the target's own cgroup, whatever else is in it
  kHeap,          // bytes that the runtime's objects take, those that nobody refers to any more among them
  kHeapObjects,
  kGoroutines,  // with those of the runtime
  kDescriptors,
  kThreads,
};
inline constexpr size_t kGauges = 8;

struct GaugeSample {
  int64_t at_ns = 0;                                 // since the first of its series
  std::array<std::optional<double>, kGauges> value;  // by Gauge; nothing where it could not be read
};

// What is on the heap at the end of a series and was not at its beginning, by the call path that allocated it.
struct GrownAllocation {
  std::vector<std::string> functions;  // innermost first
  int64_t bytes = 0, objects = 0;
};

struct GaugeSeries {
  uint64_t asked = 0;
  int64_t every_ns = 0;
  std::vector<GaugeSample> samples;
  Part<std::vector<Mapping>> mappings;       // after the last one; Process::mappings are those before the first
  std::vector<GrownAllocation> allocations;  // from two heap profiles; the largest first
  std::string allocations_artifact;          // the later one
};

}  // namespace ec
