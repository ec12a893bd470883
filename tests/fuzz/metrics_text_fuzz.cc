// Prometheus and OpenMetrics text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/profile/metrics_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  uint64_t given = 0;
  auto outline = ec::parse_metrics("input", text, [&](const ec::MetricSample& sample) {
    ++given;
    if (sample.name.empty() || sample.series.empty()) std::abort();
    if (sample.series.data() < text.data() || sample.series.data() + sample.series.size() > text.data() + text.size())
      std::abort();
  });
  if (outline && outline->samples != given) std::abort();
  ec::looks_like_metrics(text);
  return 0;
}
