#include "collector/collectors/endpoint_metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include "collector/base/text.h"
#include "collector/profile/metrics_text.h"

namespace ec {

namespace {

constexpr size_t kMostSeries = 200'000;  // of which rates are computed
constexpr size_t kMostShown = 12;        // of each list
constexpr size_t kLongestSeries = 160;

struct Field {
  std::string_view name;
  double MetricsProcess::*process;
};
constexpr std::array<Field, 6> kProcess{{{"process_resident_memory_bytes", &MetricsProcess::resident_bytes},
                                         {"process_virtual_memory_bytes", &MetricsProcess::virtual_bytes},
                                         {"process_open_fds", &MetricsProcess::open_files},
                                         {"process_max_fds", &MetricsProcess::open_files_limit},
                                         {"process_threads", &MetricsProcess::threads},
                                         {"process_start_time_seconds", &MetricsProcess::started_seconds}}};

struct GoField {
  std::string_view name;
  uint64_t GoRuntime::*count;
};
constexpr std::array<GoField, 7> kGo{{{"go_goroutines", &GoRuntime::goroutines},
                                      {"go_memstats_heap_alloc_bytes", &GoRuntime::heap_alloc_bytes},
                                      {"go_memstats_heap_inuse_bytes", &GoRuntime::heap_inuse_bytes},
                                      {"go_memstats_heap_objects", &GoRuntime::heap_objects},
                                      {"go_memstats_next_gc_bytes", &GoRuntime::next_gc_bytes},
                                      {"go_memstats_sys_bytes", &GoRuntime::sys_bytes},
                                      {"go_gc_duration_seconds_count", &GoRuntime::gc_count}}};

bool contains_word(std::string_view text, std::string_view lower) {
  auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b; };
  return std::search(text.begin(), text.end(), lower.begin(), lower.end(), same) != text.end();
}

// Counters of what should not happen, by how people name them.
bool counts_trouble(const MetricSample& sample) {
  for (std::string_view word : {"error", "fail", "timeout", "reject", "drop", "panic", "abort", "retr", "exceeded"})
    if (contains_word(sample.name, word)) return true;
  for (const MetricLabel& label : sample.labels) {
    bool status = label.name == "code" || label.name == "status" || label.name == "status_code" ||
                  label.name == "response_code" || label.name == "grpc_code" || label.name == "outcome" ||
                  label.name == "result";
    if (status && (label.value.starts_with('5') || contains_word(label.value, "err") ||
                   contains_word(label.value, "fail") || label.value == "429"))
      return true;
  }
  return false;
}

// Counts of things that happen: not of bytes, seconds or allocations, which are larger by nature, nor each bucket of a
// histogram.
bool counts_events(const MetricSample& sample) {
  std::string_view name = sample.name;
  return !name.starts_with("go_memstats_") && !name.ends_with("_bucket") && !name.ends_with("_sum") &&
         !contains_word(name, "bytes") && !contains_word(name, "seconds_total") && !contains_word(name, "nanoseconds");
}

class Reading {
 public:
  explicit Reading(double interval_seconds) : interval_(interval_seconds) {}

  void first(const MetricSample& sample) {
    if (sample.cumulative && before_.size() < kMostSeries) before_.emplace(sample.series, sample.value);
  }

  void latest(const MetricSample& sample) {
    ++result_.metrics.series;
    figures(sample);
    auto before = sample.cumulative ? before_.find(sample.series) : before_.end();
    if (before == before_.end() || interval_ <= 0 || !std::isfinite(sample.value) || !std::isfinite(before->second))
      return;
    double rate = (sample.value - before->second) / interval_;
    if (rate <= 0) return;  // < 0: the counter was reset
    MetricRate found{printable_line(sample.series, kLongestSeries), rate, sample.value};
    if (sample.name == "process_cpu_seconds_total")
      result_.metrics.process.cpu_cores = rate;
    else if (counts_trouble(sample))
      result_.metrics.troubles.push_back(std::move(found));
    else if (counts_events(sample))
      result_.metrics.fastest.push_back(std::move(found));
    trim_list(result_.metrics.troubles, 4 * kMostShown);
    trim_list(result_.metrics.fastest, 4 * kMostShown);
  }

  MetricsReading take() {
    trim_list(result_.metrics.troubles, kMostShown, true);
    trim_list(result_.metrics.fastest, kMostShown, true);
    if (result_.metrics.troubles.empty() && result_.metrics.fastest.empty() && before_.empty()) interval_ = 0;
    result_.metrics.interval_seconds = interval_;
    return std::move(result_);
  }

 private:
  void figures(const MetricSample& sample) {
    double value = sample.value;
    if (!std::isfinite(value) || value < 0 || !sample.labels.empty()) return;
    for (const Field& field : kProcess)
      if (sample.name == field.name) result_.metrics.process.*field.process = value;
    for (const GoField& field : kGo) {
      if (sample.name != field.name || value > 1e18) continue;
      if (!result_.go) result_.go.emplace();
      *result_.go.*field.count = static_cast<uint64_t>(value);
    }
    if (sample.name == "go_gc_duration_seconds_sum" && result_.go) result_.go->pause_total_ms = value * 1000;
    if (sample.name == "go_memstats_gc_cpu_fraction" && result_.go) result_.go->gc_cpu_fraction = value;
  }

  // Sorted only when it has grown far over what is kept.
  static void trim_list(std::vector<MetricRate>& list, size_t most, bool always = false) {
    if (!always && list.size() < 4 * most) return;
    std::stable_sort(list.begin(), list.end(),
                     [](const MetricRate& a, const MetricRate& b) { return a.per_second > b.per_second; });
    if (list.size() > most) list.resize(most);
  }

  double interval_;
  std::unordered_map<std::string_view, double> before_;
  MetricsReading result_;
};

}  // namespace

Result<MetricsReading> read_metrics(std::string_view where, std::string_view first, std::string_view again,
                                    double interval_seconds) {
  Reading reading(again.empty() ? 0 : interval_seconds);
  if (!again.empty()) (void)parse_metrics(where, first, [&](const MetricSample& sample) { reading.first(sample); });
  auto parsed =
      parse_metrics(where, again.empty() ? first : again, [&](const MetricSample& sample) { reading.latest(sample); });
  MetricsReading result = reading.take();
  if (result.metrics.series > 0) return result;
  if (!parsed) return tl::unexpected(parsed.error());
  return fail(ErrorCode::kMalformed, std::string(where), "expected at least one sample");
}

}  // namespace ec
