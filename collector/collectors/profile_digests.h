// Reads the profiles that a run stored, whoever pulled or sampled them.
#pragma once

#include "collector/archive/raw_store.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

// Of one profile, unpacked, and of all of a run. A profile has to be read whole, for its names are at its end; a larger
// one is left to `emergency-collect profile top`, and said so.
constexpr size_t kMostDigested = size_t{32} << 20, kMostDigestedOfRun = size_t{96} << 20;

// Digests what is below profiles/ and was collected, and is not in `snapshot.profiles` yet. The part stays empty when
// there is no profile.
void read_profiles(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
