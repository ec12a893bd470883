// What an archive does not know about the addresses in its stacks.
#pragma once

#include <cstdint>
#include <vector>

#include "collector/archive/raw_store.h"
#include "collector/stacks/offline_names.h"

namespace ec {

// Every address of raw/stacks.json, raw/samples.json, raw/cpu_profile.json and raw/page_faults.json, once, in a module
// with a path and without a line: with what raw/symbols.json added already.
std::vector<OfflineModule> missing_names(const RawStore& store);

// As raw/symbols.json has them, with those that are there already. Modules without an answer stay, with their reason.
AddedNames with_answers(const RawStore& store, const std::vector<OfflineModule>& modules);

struct FrameCounts {
  uint64_t frames = 0, named = 0, with_line = 0;
};
// Over all stacks of all threads; what has no address (Python) is left out.
FrameCounts count_frames(const Part<Stacks>& stacks);

}  // namespace ec
