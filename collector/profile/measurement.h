// Values of profiles in words, as `go tool pprof` prints them (google/pprof, internal/measurement): the same digits, so
// that two people with two tools talk about the same number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ec {

struct Scaled {
  double value = 0;
  std::string unit;  // "" when there is nothing to say: counts
};

// `value` in `to`: a unit ("MB", "ms"), or "minimum" or "auto" for the largest in which it is at least 1. A unit that
// is of another kind than `from` means the base unit of that kind; of unknown units nothing is known but their name.
Scaled scale_measurement(int64_t value, std::string_view from, std::string_view to);
// Whether one can be turned into the other: both sizes, both times.
bool units_compatible(std::string_view a, std::string_view b);

// "12.50MB", "3", "0": two digits behind the point, none when they are 00.
std::string measurement_label(int64_t value, std::string_view from, std::string_view to);
// "12.50%", " 100%", "0.012%": at least two digits; padded to six.
std::string percentage(int64_t value, int64_t total);

// Go's arithmetic on amd64, for the same results at the ends of the range.
int64_t wrapping_sum(int64_t a, int64_t b);
int64_t wrapping_abs(int64_t value);  // INT64_MIN stays
int64_t truncated(double value);      // INT64_MIN when out of range

}  // namespace ec
