// Adds profiles up and takes them off each other, by the rules of google/pprof (profile/merge.go): rows that say the
// same become one, addresses of one file are brought to one place, samples of one stack with the same labels add up,
// and what adds up to nothing is left out.
#pragma once

#include <span>

#include "collector/profile/profile_builder.h"

namespace ec {

// Marks the samples of a base, so that percentages can be of the base alone.
constexpr std::string_view kBaseLabel = "pprof::base";

// Profiles with the same sample types and period type; units of one kind are scaled to the finer one. Errors: usage
// (which types do not go together), unsupported (too many rows).
Result<OwnedPprof> merge_profiles(std::span<const OwnedPprof> profiles);

// `profile` minus `base`. With `mark_base` the samples of the base stay apart, negative, with kBaseLabel. Errors: as
// above.
Result<OwnedPprof> subtract_profile(const OwnedPprof& profile, const OwnedPprof& base, bool mark_base);

}  // namespace ec
