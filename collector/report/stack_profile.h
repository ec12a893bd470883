// Stacks of the snapshot as other tools read them: boxes of a flame graph, and a profile for pprof.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collector/profile/profile_builder.h"
#include "collector/snapshot/threads.h"

namespace ec {

// Outermost first, as short as boxes are narrow. Indices out of range are left out. `stack`: innermost first.
std::vector<std::string> box_names(const std::vector<Frame>& frames, std::span<const uint32_t> stack);

// Counts and times of stacks.
class StackProfile {
 public:
  // `time`: what the nanoseconds are of, "wall" or "cpu".
  StackProfile(const std::vector<Frame>& frames, std::string_view time, int64_t period_ns);
  Pprof& header() { return builder_.header(); }
  // `stack`: innermost first, indices of frames. `thread`: a label, "" = none.
  void add(std::span<const uint32_t> stack, int64_t count, int64_t ns, std::string_view thread = {});
  // The file, compressed. Errors: as ProfileBuilder::finish().
  Result<std::string> finish(std::string_view where) &&;

 private:
  uint32_t mapping_of(const Frame& frame);
  uint32_t location_of(const Frame& frame);

  ProfileBuilder builder_;
  std::vector<uint32_t> locations_;  // by frame
};

}  // namespace ec
