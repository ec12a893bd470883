// Does a figure grow? From a series of readings, pure.
//
// Two points always have a slope between them, so they say "growth" and no more. A trend is claimed when three things
// hold. It rises more often than chance would have it (Mann–Kendall, which counts rises and falls and does not care how
// large they are: the saw-tooth of a garbage collector counts for little). It still rises in the last third, at its
// floor and at its peak: a cache that fills to its size does not, and neither does a saw-tooth whose floor is level.
// And it is not one step only: a pool that was made larger once. How fast is Theil and Sen's slope: the median of those
// between all pairs.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace ec {

struct TrendPoint {
  double at_seconds = 0;  // ascending
  double value = 0;
};

struct Trend {
  enum class Kind {
    kTooFew,   // points; `change` and `per_minute` are what lies between the first and the last
    kSteady,   // no growth, or less than is worth a word
    kPlateau,  // it grew, and does so no longer
    kGrowing,
  } kind = Kind::kTooFew;
  size_t points = 0;
  double seconds = 0;  // from the first to the last point
  double first = 0, last = 0;
  double per_minute = 0;                           // Theil–Sen
  double per_minute_low = 0, per_minute_high = 0;  // of it: 90 % confidence (Sen 1968)
  double confidence = 0;                           // 0 … 1: that it rises at all; one-sided, Mann–Kendall
  bool growing() const { return kind == Kind::kGrowing; }
  double change() const { return last - first; }
};
std::string_view to_string(Trend::Kind kind);  // "too few samples", "steady", "plateau", "growing"

constexpr size_t kFewestTrendPoints = 6;
// `worth_telling`: growth over the whole series that is below it is steady, whatever its sign. Points that do not
// ascend in time end the series.
Trend trend_of(const std::vector<TrendPoint>& points, double worth_telling);

// Seconds from the last point until the line reaches `limit`; 0 when it is there, nothing when it is not growing.
std::optional<double> seconds_until(const Trend& trend, double limit);

}  // namespace ec
