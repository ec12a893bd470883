// What is read again for trends, baselines and the store; the first byte chooses.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "collector/analysis/growth.h"
#include "collector/analysis/usual.h"
#include "collector/archive/store_index.h"
#include "collector/collectors/gauges.h"
#include "collector/collectors/sample_plan.h"
#include "tests/support/raw_stores.h"

namespace {

using namespace ec;

void require(bool condition) {
  if (!condition) std::abort();
}

// Eight bytes a value: any number there is. Few of the series are long, since pairs of points are compared.
void trend(std::string_view bytes) {
  std::vector<TrendPoint> points;
  size_t most = bytes.size() % 32 == 0 ? 8000 : 400;
  for (size_t i = 0; i + 8 <= bytes.size() && i < most; i += 8) {
    double value;
    std::memcpy(&value, bytes.data() + i, 8);
    points.push_back({static_cast<double>(i), value});
  }
  Trend trend = trend_of(points, 1);
  require(trend.points <= points.size() && trend.confidence >= 0 && trend.confidence <= 1);
  if (auto left = seconds_until(trend, 1e9)) require(*left >= 0 || std::isnan(*left));
}

void series(std::string_view bytes) {
  RawStore store;
  test::put(store, "raw/gauges.bundle", bytes);
  Snapshot snapshot;
  parse_gauges(store, snapshot);
  for (const Growth& growth : growths(snapshot)) (void)growth_words(growth);
  (void)parse_sample_plan(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      trend(bytes);
      break;
    case 1:
      series(bytes);
      break;
    case 2:
      if (auto baseline = parse_baseline("fuzz", bytes))
        require(parse_baseline("again", baseline_text(*baseline)).has_value());
      break;
    default:
      for (const StoredArchive& one : parse_store_index(bytes)) require(is_archive_name(one.name));
  }
  return 0;
}
