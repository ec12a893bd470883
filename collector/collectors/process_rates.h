#pragma once

#include "collector/archive/raw_store.h"
#include "collector/snapshot/process.h"

namespace ec {

// From the first and the latest reading of `pid`. Errors: not-found when there is only one; gone when the id was reused
// between them.
Result<ProcessRates> process_rates(const RawStore& store, int pid);

}  // namespace ec
