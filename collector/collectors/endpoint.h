// Debug endpoints of the target: what its own code tells over HTTP. The target is asked, never signalled.
#pragma once

#include "collector/collectors/collector.h"
#include "collector/collectors/endpoint_record.h"

namespace ec {

// "runtime": only what a probe tells (goroutines, heap, GC), for the first page and the checklist; raw/runtime.json.
void gather_runtime(GatherContext& ctx);
// "endpoint": everything that is there; profiles/HOST_PORT/…, raw/endpoint.json.
void gather_endpoint(GatherContext& ctx);

// What "endpoint" would find, without a pull: the same cheap GETs, at most until `until`. For a helper process only: it
// may stay in the network namespace of the target.
EndpointRecords find_endpoints(const TargetIdentity& target, const RunOptions& options, Deadline until);

// Of both rows: raw/endpoint.json and what it names, else the profiles alone (the collector was killed) and
// raw/runtime.json.
void parse_endpoints(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
