// Stacks of the snapshot as a profile, for the rules over profiles and for pprof.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "collector/profile/profile_builder.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

// Counts of stacks, and what they weigh.
class StackProfile {
 public:
  // What a sample weighs: "wall" or "cpu" in "nanoseconds", "memory" in "bytes". `program`: the path of the target's
  // executable, which readers of profiles expect as the first mapping.
  StackProfile(const std::vector<Frame>& frames, std::string_view program, std::string_view weight,
               std::string_view unit, int64_t period);
  Pprof& header() { return builder_.header(); }
  // `stack`: innermost first, indices of frames. `thread`: a label, "" = none.
  void add(std::span<const uint32_t> stack, int64_t count, int64_t weight, std::string_view thread = {});
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
// Where memory was touched for the first time. Condition: snapshot.page_faults.
Result<OwnedPprof> page_fault_profile_of(const Snapshot& snapshot);
inline constexpr std::string_view kPageFaultsArtifact = "profiles/page-faults.pb.gz";

}  // namespace ec
