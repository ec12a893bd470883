#pragma once

#include "collector/collectors/collector.h"
#include "collector/collectors/endpoint_probe.h"

namespace ec {

// Pulls what the recognised kinds offer, one request at a time, each artifact stored as soon as it is whole, and notes
// in probed.record what became of each. Ends early, and says so, when the server becomes slow, the target ends, or
// `until` comes.
void pull_endpoint(GatherContext& ctx, ProbedEndpoint& probed, Deadline until);

}  // namespace ec
