#include "collector/analysis/growth.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "collector/analysis/words.h"
#include "collector/base/text.h"

namespace ec {

namespace {

constexpr double kMiB = 1 << 20;

struct GaugeFacts {
  std::string_view key, label;
  bool bytes;
  double worth_telling, worth_telling_share;  // the larger of them
};
constexpr GaugeFacts kFacts[kGauges] = {
    {"rss_bytes", "resident memory", true, 1 * kMiB, 0.01},
    {"anonymous_bytes", "anonymous memory", true, 1 * kMiB, 0.01},
    {"cgroup_memory_bytes", "memory of the cgroup", true, 4 * kMiB, 0.02},
    {"heap_bytes", "heap of the runtime", true, 1 * kMiB, 0.01},
    {"heap_objects", "objects on the heap", false, 1000, 0.01},
    {"goroutines", "goroutines", false, 8, 0.01},
    {"descriptors", "descriptors", false, 4, 0.01},
    {"threads", "threads", false, 4, 0.01},
};
const GaugeFacts& facts(Gauge gauge) { return kFacts[static_cast<size_t>(gauge)]; }

std::vector<TrendPoint> points_of(const GaugeSeries& series, Gauge gauge) {
  std::vector<TrendPoint> points;
  for (const GaugeSample& sample : series.samples)
    if (auto value = sample.value[static_cast<size_t>(gauge)])
      points.push_back({static_cast<double>(sample.at_ns) / 1e9, *value});
  return points;
}

void limit_to(double limit, std::string words, Growth& growth) {
  if (growth.limit && *growth.limit <= limit) return;
  growth.limit = limit;
  growth.limit_words = std::move(words);
}

// Others may share the limit: what is left of it counts from where they are now.
void limit_memory(const Snapshot& snapshot, Growth& growth) {
  auto bytes = [](uint64_t count) { return human_bytes(static_cast<double>(count)); };
  if (snapshot.process.cgroup && snapshot.process.cgroup->memory_limit_bytes) {
    const Cgroup& cgroup = *snapshot.process.cgroup;
    auto limit = static_cast<double>(*cgroup.memory_limit_bytes);
    uint64_t in_use = cgroup.memory_current_bytes.value_or(0);
    in_use -= std::min(in_use, cgroup.memory_inactive_file_bytes.value_or(0));
    double free = limit - static_cast<double>(in_use);
    limit_to(growth.trend.last + std::max(0.0, free),
             fmt::format("the limit of its cgroup, {}", bytes(*cgroup.memory_limit_bytes)), growth);
  }
  if (snapshot.host.memory && snapshot.host.memory->total > 0)
    limit_to(
        growth.trend.last + static_cast<double>(snapshot.host.memory->available),
        fmt::format("the end of the host's memory, of which {} are available", bytes(snapshot.host.memory->available)),
        growth);
}

void limit_threads(const Snapshot& snapshot, Growth& growth) {
  if (snapshot.process.cgroup && snapshot.process.cgroup->pids_limit) {
    const Cgroup& cgroup = *snapshot.process.cgroup;
    auto free = static_cast<double>(*cgroup.pids_limit) - static_cast<double>(cgroup.pids_current.value_or(0));
    limit_to(growth.trend.last + std::max(0.0, free),
             fmt::format("the limit of tasks in its cgroup, {}", *cgroup.pids_limit), growth);
  }
  // getrlimit(2): root is not held to it.
  auto limit = soft_limit(snapshot, "Max processes");
  if (limit && snapshot.process.status && snapshot.process.status->uid != 0)
    limit_to(static_cast<double>(*limit), fmt::format("its limit of processes and threads, {}", *limit), growth);
}

void set_limit(const Snapshot& snapshot, Growth& growth) {
  switch (growth.gauge) {
    case Gauge::kRss:
    case Gauge::kAnonymous:
    case Gauge::kCgroupMemory:
    case Gauge::kHeap:
      return limit_memory(snapshot, growth);
    case Gauge::kDescriptors:
      if (auto limit = soft_limit(snapshot, "Max open files"))
        limit_to(static_cast<double>(*limit), fmt::format("its limit of open files, {}", *limit), growth);
      return;
    case Gauge::kThreads:
      return limit_threads(snapshot, growth);
    case Gauge::kHeapObjects:
    case Gauge::kGoroutines:
      return;
  }
}

std::map<std::string, uint64_t> writable_sizes(const std::vector<Mapping>& mappings) {
  std::map<std::string, uint64_t> sizes;
  for (const Mapping& mapping : mappings)
    if (mapping.writable && !mapping.shared)
      sizes[mapping.name.empty() || mapping.name.starts_with("[anon") ? "anonymous mappings" : mapping.name] +=
          mapping.end - mapping.begin;
  return sizes;
}

}  // namespace

std::string_view gauge_key(Gauge gauge) { return facts(gauge).key; }
std::string_view gauge_label(Gauge gauge) { return facts(gauge).label; }
std::string gauge_text(Gauge gauge, double value) {
  return facts(gauge).bytes ? human_bytes(value) : fmt::format("{:.{}f}", value, value == std::floor(value) ? 0 : 1);
}

double worth_telling(Gauge gauge, double first) {
  return std::max(facts(gauge).worth_telling, facts(gauge).worth_telling_share * first);
}

std::vector<Growth> growths(const Snapshot& snapshot) {
  std::vector<Growth> all;
  for (const auto* series : {&snapshot.gauges, &snapshot.runtime_gauges}) {
    if (!*series) continue;
    for (Growth& growth : growths(**series, snapshot))
      if (!growth_of(all, growth.gauge)) all.push_back(std::move(growth));
  }
  std::stable_sort(all.begin(), all.end(), [](const Growth& a, const Growth& b) { return a.gauge < b.gauge; });
  return all;
}

std::vector<Growth> growths(const GaugeSeries& series, const Snapshot& snapshot) {
  std::vector<Growth> all;
  for (size_t i = 0; i < kGauges; ++i) {
    Growth growth;
    growth.gauge = static_cast<Gauge>(i);
    auto points = points_of(series, growth.gauge);
    if (points.size() < 2) continue;
    growth.trend = trend_of(points, worth_telling(growth.gauge, points.front().value));
    set_limit(snapshot, growth);
    all.push_back(std::move(growth));
  }
  return all;
}

GaugeSample gauges_of(const Snapshot& snapshot) {
  GaugeSample sample;
  sample.at_ns = snapshot.run.started_wall_ns;
  auto set = [&](Gauge gauge, uint64_t value) {
    sample.value[static_cast<size_t>(gauge)] = static_cast<double>(value);
  };
  if (snapshot.process.status) {
    set(Gauge::kRss, snapshot.process.status->rss_bytes);
    set(Gauge::kAnonymous, snapshot.process.status->rss_anon_bytes);
    set(Gauge::kThreads, snapshot.process.status->threads);
  }
  if (snapshot.process.cgroup && snapshot.process.cgroup->memory_current_bytes)
    set(Gauge::kCgroupMemory, *snapshot.process.cgroup->memory_current_bytes);
  if (snapshot.files) set(Gauge::kDescriptors, snapshot.files->count);
  if (snapshot.goroutines)
    set(Gauge::kGoroutines, snapshot.goroutines->goroutines.size() + snapshot.goroutines->left_out);
  if (snapshot.endpoints)
    for (const Endpoint& endpoint : *snapshot.endpoints)
      if (endpoint.go && endpoint.go->heap_alloc_bytes > 0) {
        set(Gauge::kHeap, endpoint.go->heap_alloc_bytes);
        if (endpoint.go->heap_objects > 0) set(Gauge::kHeapObjects, endpoint.go->heap_objects);
      }
  return sample;
}

const Growth* growth_of(const std::vector<Growth>& all, Gauge gauge) {
  auto found = std::find_if(all.begin(), all.end(), [&](const Growth& growth) { return growth.gauge == gauge; });
  return found == all.end() ? nullptr : &*found;
}

std::string growth_words(const Growth& growth) {
  const Trend& trend = growth.trend;
  auto text = [&](double value) { return gauge_text(growth.gauge, value); };
  std::string words = trend.first == trend.last ? text(trend.last) : text(trend.first) + " → " + text(trend.last);
  words += " in " + human_duration(trend.seconds);
  if (trend.growing())
    return words + fmt::format(", growing by {} a minute ({} … {})", text(trend.per_minute), text(trend.per_minute_low),
                               text(trend.per_minute_high));
  if (trend.kind != Trend::Kind::kTooFew) return words + fmt::format(", {}", to_string(trend.kind));
  if (trend.change() == 0) return words;
  return words + fmt::format(", {}{} a minute between these {}, which are too few for a trend",
                             trend.per_minute < 0 ? "-" : "", text(std::abs(trend.per_minute)), trend.points);
}

std::string growth_sentence(const Snapshot& snapshot) {
  auto all = growths(snapshot);
  if (all.empty()) return {};
  const Trend& longest = std::max_element(all.begin(), all.end(), [](const Growth& a, const Growth& b) {
                           return a.trend.points < b.trend.points;
                         })->trend;
  std::string sentence =
      fmt::format("{} over {}: ", counted(longest.points, "sample"), human_duration(longest.seconds));
  if (longest.kind == Trend::Kind::kTooFew)
    return sentence + fmt::format("too few to tell what grows, {} are needed", kFewestTrendPoints);
  std::vector<std::string> grow;
  for (const Growth& growth : all)
    if (growth.trend.growing()) grow.emplace_back(gauge_label(growth.gauge));
  if (grow.empty()) return sentence + "nothing grows";
  return sentence + "what grows is " + enumerate(grow, kGauges);
}

std::vector<GrownMapping> grown_mappings(const Snapshot& snapshot) {
  std::vector<GrownMapping> grown;
  if (!snapshot.gauges || !snapshot.gauges->mappings || !snapshot.process.mappings) return grown;
  auto before = writable_sizes(*snapshot.process.mappings);
  for (const auto& [name, bytes] : writable_sizes(*snapshot.gauges->mappings))
    if (bytes > before[name]) grown.push_back({name, bytes - before[name]});
  std::stable_sort(grown.begin(), grown.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  return grown;
}

}  // namespace ec
