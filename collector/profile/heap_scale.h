// From what a heap profiler sampled to what there is. Allocations are sampled by a Poisson process, on average one per
// `rate` bytes, so that one of S bytes is seen with the probability 1 - exp(-S / rate).
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

namespace ec {

struct HeapAmount {
  int64_t count = 0, bytes = 0;
};

// Rounded to zero; the nearest value when it does not fit.
inline int64_t saturated(double value) {
  if (std::isnan(value)) return 0;
  if (value >= 9223372036854775808.0) return std::numeric_limits<int64_t>::max();
  if (value < -9223372036854775808.0) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

inline HeapAmount unsampled(HeapAmount seen, int64_t rate) {
  if (seen.count == 0 || seen.bytes == 0) return {};
  if (rate <= 1) return seen;
  double average = static_cast<double>(seen.bytes) / static_cast<double>(seen.count);
  double scale = 1 / (1 - std::exp(-average / static_cast<double>(rate)));
  return {saturated(static_cast<double>(seen.count) * scale), saturated(static_cast<double>(seen.bytes) * scale)};
}

// Of one allocation, on average; nothing when there is none.
inline std::optional<int64_t> block_size(HeapAmount seen) {
  if (seen.count == 0) return std::nullopt;
  if (seen.count == -1) return saturated(-static_cast<double>(seen.bytes));  // the lowest number has no opposite
  return seen.bytes / seen.count;
}

}  // namespace ec
