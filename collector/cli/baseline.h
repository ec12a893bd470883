#pragma once

#include <string>
#include <vector>

#include "collector/analysis/usual.h"
#include "collector/base/clock.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

// Mean and deviation of the figures of these archives, one of which is in memory at a time. `names`: paths, or
// kLastGood for the newest good ones of the program of `now` in the store (`store`: its directory, "" = the default),
// at most five. What has not been read when `until` passes is left out. Errors: those of open_archive(); not-found when
// the store has none.
Result<Baseline> load_baseline(const std::vector<std::string>& names, const std::string& store, const Snapshot& now,
                               Deadline until);

}  // namespace ec
