// What debug endpoints and the memory of runtimes tell.
#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/figure_list.h"
#include "collector/analysis/goroutine_groups.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kShownRates = 3;

// What no endpoint told, the memory of the program did.
void goroutines_from_memory(const Snapshot& snapshot, FigureList& list) {
  if (!snapshot.goroutines) return;
  if (snapshot.endpoints)
    for (auto& endpoint : *snapshot.endpoints)
      if (endpoint.go && endpoint.go->goroutines > 0) return;
  auto count = own_goroutines(*snapshot.goroutines) + snapshot.goroutines->left_out;
  list.add("runtime.goroutines", "goroutines", std::to_string(count), static_cast<double>(count), "count",
           mark_of(static_cast<double>(count), 10'000, 100'000));
}

void of_go(const Endpoint& endpoint, FigureList& list) {
  if (!endpoint.go) return;
  auto& go = *endpoint.go;
  if (go.goroutines > 0)
    list.add("runtime.goroutines", "goroutines", std::to_string(go.goroutines), static_cast<double>(go.goroutines),
             "count", mark_of(static_cast<double>(go.goroutines), 10'000, 100'000));
  if (go.heap_alloc_bytes > 0) {
    std::string text = human_bytes(static_cast<double>(go.heap_alloc_bytes)) + " in use";
    if (go.next_gc_bytes > 0) text += ", next collection at " + human_bytes(static_cast<double>(go.next_gc_bytes));
    if (go.sys_bytes > 0) text += fmt::format(", {} from the system", human_bytes(static_cast<double>(go.sys_bytes)));
    list.add("runtime.heap_bytes", "heap", text, static_cast<double>(go.heap_alloc_bytes), "bytes");
  }
  if (go.gc_count > 0) {
    std::string text = counted(go.gc_count, "collection");
    if (go.last_pause_ms > 0) text += fmt::format(", last pause {:.2f} ms", go.last_pause_ms);
    if (go.gc_cpu_fraction > 0) text += fmt::format(", {:.1f} % of the CPU", 100 * go.gc_cpu_fraction);
    list.add("runtime.gc_count", "garbage collection", text, static_cast<double>(go.gc_count), "count",
             mark_of(go.gc_cpu_fraction, 0.1, 0.25));
  }
}

std::string per_second(double rate) {
  return rate >= 10 ? fmt::format("{:.0f}/s", rate) : fmt::format("{:.2g}/s", rate);
}

std::string rates_text(const std::vector<MetricRate>& rates) {
  std::vector<std::string> words;
  for (const MetricRate& rate : rates) {
    if (words.size() == kShownRates) break;
    words.push_back(fmt::format("{} {}", in_sentence(rate.series, 100), per_second(rate.per_second)));
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

// What /proc did not tell: another user's process, or one that is elsewhere.
void of_process(const Snapshot& snapshot, const MetricsProcess& process, FigureList& list) {
  if (snapshot.process.status && snapshot.process.rates && snapshot.files) return;
  std::vector<std::string> words;
  if (process.cpu_cores > 0) words.push_back(fmt::format("{:.2f} cores", process.cpu_cores));
  if (process.resident_bytes > 0) words.push_back(human_bytes(process.resident_bytes) + " resident");
  if (process.open_files > 0)
    words.push_back(process.open_files_limit > 0
                        ? fmt::format("{:.0f} of {:.0f} open files", process.open_files, process.open_files_limit)
                        : fmt::format("{:.0f} open files", process.open_files));
  if (!words.empty())
    list.add("metrics.process", "by its own count", fmt::format("{}", fmt::join(words, ", ")), process.resident_bytes,
             "bytes");
}

void of_metrics(const Snapshot& snapshot, const EndpointMetrics& metrics, FigureList& list) {
  of_process(snapshot, metrics.process, list);
  if (!metrics.troubles.empty())
    list.add("metrics.troubles", "errors counted", rates_text(metrics.troubles), metrics.troubles.front().per_second,
             "1/s", Mark::kWarning);
  if (!metrics.fastest.empty())
    list.add("metrics.fastest", "fastest counters",
             fmt::format("{} (over {:.1f} s)", rates_text(metrics.fastest), metrics.interval_seconds),
             metrics.fastest.front().per_second, "1/s");
}

std::string status_text(int status) { return status == 0 ? "no answer" : std::to_string(status); }

void of_health(const Endpoint& endpoint, FigureList& list) {
  for (const EndpointHealth& health : endpoint.health) {
    if (health.path.empty()) continue;  // no path for that: told beside the profiles
    std::string text = fmt::format("{} in {:.1f} ms", status_text(health.status_before), health.before_ms);
    bool bad = health.status_before >= 500;
    if (health.asked > 1) {
      text += fmt::format(", {} in {:.1f} ms after", status_text(health.status_after), health.after_ms);
      if (health.asked > 2) text += fmt::format(", {:.1f} ms at worst of {}", health.worst_ms, health.asked);
      bad |= health.status_after == 0 || health.status_after >= 500;
    }
    list.add("health." + health.path, in_sentence(health.path, 40), text, health.worst_ms, "ms",
             bad ? Mark::kBad : Mark::kNormal);
  }
}

}  // namespace

void runtime_figures(const Snapshot& snapshot, FigureList& list) {
  goroutines_from_memory(snapshot, list);
  if (!snapshot.endpoints) return;
  for (const Endpoint& endpoint : *snapshot.endpoints) {
    of_go(endpoint, list);
    if (endpoint.metrics) of_metrics(snapshot, *endpoint.metrics, list);
    of_health(endpoint, list);
  }
}

}  // namespace ec
