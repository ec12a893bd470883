// What a series of gauges (--samples) says of each: its trend, in words, and when it meets its limit.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/analysis/trend.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

struct Growth {
  Gauge gauge = Gauge::kRss;
  Trend trend;
  // Of what the gauge counts or of what it is part of: as much as it may still become, from where it was at the end.
  std::optional<double> limit;
  std::string limit_words;  // "the limit of its cgroup, 1.0 GiB"; "" without a limit
  // Nothing when it does not grow or has no limit.
  std::optional<double> seconds_left() const { return limit ? seconds_until(trend, *limit) : std::nullopt; }
};

// Of each gauge that was read at least twice, in the order of Gauge. `snapshot`: whose limits count.
std::vector<Growth> growths(const GaugeSeries& series, const Snapshot& snapshot);
// Of both series of the snapshot; a gauge that is in both counts as the process shows it. Empty without one.
std::vector<Growth> growths(const Snapshot& snapshot);
// One sample from the parts of a snapshot that hold no series: archives of the same process are a series too. Its time
// counts from the epoch.
GaugeSample gauges_of(const Snapshot& snapshot);
// Null when that gauge was not read twice.
const Growth* growth_of(const std::vector<Growth>& all, Gauge gauge);

std::string_view gauge_key(Gauge gauge);            // "rss_bytes", "descriptors"
std::string_view gauge_label(Gauge gauge);          // "memory (resident)", "descriptors"
std::string gauge_text(Gauge gauge, double value);  // "20.0 MiB", "17"
// "20.0 MiB → 29.0 MiB in 9.0 s, growing by 60 MiB a minute (55 MiB … 63 MiB)";
// "20.0 MiB → 29.0 MiB in 2 h, 77 KiB a minute between these 2, which are too few for a trend".
std::string growth_words(const Growth& growth);
// "10 samples over 9.0 s: what grows is descriptors"; "" without a series.
std::string growth_sentence(const Snapshot& snapshot);
// What changed less than that over a series is not worth a word.
double worth_telling(Gauge gauge, double first);

// Writable private mappings that became larger between the readings before and after the series: "[heap] by 9 MiB";
// largest growth first.
struct GrownMapping {
  std::string name;  // "[heap]", "anonymous mappings", a path
  uint64_t bytes = 0;
};
std::vector<GrownMapping> grown_mappings(const Snapshot& snapshot);

}  // namespace ec
