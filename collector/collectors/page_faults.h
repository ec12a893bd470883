// Collector "page_faults": where the target touches memory for the first time while a series runs (--samples, --every):
// the call paths by which it grows, sampled by the kernel, for programs whose allocator tells nothing. Raw form:
//   raw/page_faults.bundle  "plan": event, unit, page_size; then a section for each sample, as sampling.h says. Weights
//                           are bytes.
//   raw/page_faults.json    the names of the program counters
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

void gather_page_faults(GatherContext& context);
void parse_page_faults(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
