// Prometheus text exposition format (0.0.4 and 1.0.0) and OpenMetrics text 1.0.0: one sample per line, between "#
// HELP",
// "# TYPE", "# UNIT" and "# EOF". https://prometheus.io/docs/instrumenting/exposition_formats/,
// https://prometheus.io/docs/specs/om/open_metrics_spec/
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

enum class MetricType { kUnknown, kCounter, kGauge, kHistogram, kGaugeHistogram, kSummary, kInfo, kStateSet };

struct MetricLabel {
  std::string name, value;  // unescaped; bytes of the target
};

struct MetricSample {
  std::string name;         // unescaped: "http_requests_total", "rpc_seconds_bucket", "my.metric"
  std::string_view series;  // name and labels as written: "x{code=\"500\"}"; points into the text
  std::vector<MetricLabel> labels;
  double value = 0;                    // may be infinite or not a number
  std::optional<double> timestamp_ms;  // of the Unix epoch, when the line has one
  MetricType type = MetricType::kUnknown;
  std::string_view help;  // as written, "" = none; points into the text
  // Only ever grows: a counter, the count, sum and buckets of a histogram or summary, or "…_total" of unknown type.
  bool cumulative = false;
};

struct MetricsOutline {
  uint64_t samples = 0, families = 0;  // families: "# TYPE" lines
  bool open_metrics = false;           // ended with "# EOF"
};

// Calls `each` for every sample in order; what it is given is valid during the call. Blank lines and comments are
// skipped. Errors: malformed, with the line and what was expected; samples before that line were given. A text whose
// last line has no newline is read to its end.
Result<MetricsOutline> parse_metrics(std::string_view where, std::string_view text,
                                     const std::function<void(const MetricSample&)>& each);

// Whether a body begins like such a text: told by its first line, which must be whole.
bool looks_like_metrics(std::string_view text);

}  // namespace ec
