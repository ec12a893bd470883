// Collector "gauges": how large the target is, again and again, for --samples and --every. Raw form: raw/gauges.bundle:
// "plan", then for each sample N the sections "N/at" (ns since the first), "N/statm" and "N/stat" (as in /proc/PID),
// "N/fd" (number of descriptors), "N/memory.current" or "N/memory.usage_in_bytes" (of its cgroup) and "N/goroutines"
// (number). What cannot be read is missing. And raw/last/proc/PID/maps, after the last one.
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

void gather_gauges(GatherContext& context);
void parse_gauges(const RawStore& store, Snapshot& snapshot);
// The series in a bundle of that form.
Part<GaugeSeries> parse_gauge_bundle(const RawStore& store, std::string_view bundle);

}  // namespace ec
