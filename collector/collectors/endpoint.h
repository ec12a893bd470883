// Debug endpoints of the target: what its own code tells over HTTP. The target is asked, never signalled.
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

// "runtime": only what a probe tells (goroutines, heap, GC), for the first page and the checklist; raw/runtime.json.
void gather_runtime(GatherContext& ctx);
// "endpoint": everything that is there; profiles/HOST_PORT/…, raw/endpoint.json.
void gather_endpoint(GatherContext& ctx);

// Of both rows: raw/endpoint.json and what it names, else the profiles alone (the collector was killed) and
// raw/runtime.json.
void parse_endpoints(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
