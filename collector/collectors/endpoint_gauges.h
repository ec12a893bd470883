// Collector "runtime_gauges": what a Go program's debug endpoint tells of its heap and its goroutines, again and again,
// for --samples and --every. Each sample asks no more than the probes that recognised it: /debug/vars (which stops the
// program for microseconds) and the index of /debug/pprof/. At the end the heap profile is pulled once more, when the
// first one was. Raw form: raw/runtime_gauges.bundle, as raw/gauges.bundle, with the sections "N/at", "N/heap_bytes",
// "N/heap_objects" and "N/goroutines" (numbers); and HEAP, the later profile, beside the first one.
#pragma once

#include "collector/collectors/collector.h"
#include "collector/collectors/endpoint_probe.h"

namespace ec {

inline constexpr std::string_view kFirstHeap = "heap.pb.gz", kLastHeap = "heap.last.pb.gz";

// The endpoint that a series will ask: the first of a Go program that was pulled in this helper process.
void remember_for_gauges(const ProbedEndpoint& probed);

void gather_runtime_gauges(GatherContext& context);
void parse_runtime_gauges(const RawStore& store, Snapshot& snapshot);

// What `last` holds more than `first`, by call path, the largest first, at most `most`. Both are heap profiles as Go
// serves them ("inuse_space", "inuse_objects"), gzipped or not. Errors: those of gunzip() and parse_pprof(); malformed
// (another kind of profile).
Result<std::vector<GrownAllocation>> grown_allocations(std::string_view first, std::string_view last, size_t most);

}  // namespace ec
