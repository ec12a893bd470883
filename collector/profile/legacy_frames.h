#pragma once

#include "collector/profile/profile_builder.h"

namespace ec {

// Which frames of a profile that does not say so itself are of no interest, by its sample types: the allocator of heap
// profiles, the lock of contention profiles, the signal handler of others. The names are those of google/pprof
// (profile/legacy_profile.go).
void set_frames_to_drop(ProfileBuilder& builder);

}  // namespace ec
