// What two readings of a page of metrics say: rates of counters, and the figures that client libraries publish of the
// process and of Go.
#pragma once

#include <optional>
#include <string_view>

#include "collector/base/error.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

struct MetricsReading {
  EndpointMetrics metrics;
  std::optional<GoRuntime> go;  // of go_goroutines and go_memstats_…
};

// `again` is the second reading, "" when there is none, `interval_seconds` later. A text that ends badly counts as far
// as it was read. Names and label values are the target's, printable, redacted as the stored texts are. Errors:
// malformed (not one sample was read).
Result<MetricsReading> read_metrics(std::string_view where, std::string_view first, std::string_view again,
                                    double interval_seconds);

}  // namespace ec
