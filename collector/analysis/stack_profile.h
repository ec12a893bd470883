// Stacks of the snapshot as a profile, for the rules over profiles and for pprof.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "collector/profile/profile_builder.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

// Counts and times of stacks.
class StackProfile {
 public:
  // `time`: what the nanoseconds are of, "wall" or "cpu".
  StackProfile(const std::vector<Frame>& frames, std::string_view time, int64_t period_ns);
  Pprof& header() { return builder_.header(); }
  // `stack`: innermost first, indices of frames. `thread`: a label, "" = none.
  void add(std::span<const uint32_t> stack, int64_t count, int64_t ns, std::string_view thread = {});
  // Errors: as ProfileBuilder::finish().
  Result<OwnedPprof> finish(std::string_view where) &&;

 private:
  uint32_t mapping_of(const Frame& frame);
  uint32_t location_of(const Frame& frame);

  ProfileBuilder builder_;
  std::vector<uint32_t> locations_;  // by frame
};

// What was sampled of the CPU time, by thread. Condition: snapshot.cpu_profile.
Result<OwnedPprof> cpu_profile_of(const Snapshot& snapshot);
inline constexpr std::string_view kCpuProfileArtifact = "profiles/cpu.pb.gz";

}  // namespace ec
