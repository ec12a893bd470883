#include "collector/analysis/usual.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kMostLines = 1000;
constexpr double kLow = 1.5, kMedium = 2, kHigh = 3;  // times
constexpr double kDeviations = 2;
constexpr double kMiB = 1 << 20;

// What is compared. `least`: a difference below it is nothing, however many times it is.
struct Compared {
  std::string_view key;
  double least;
  bool lower_is_worse;
  std::string_view suggestion;
};
constexpr Compared kCompared[] = {
    {"process.cpu_cores", 0.2, false,
     "more load, or a hot loop: threads/stacks.txt, profiles/; runbook cpu-saturation-process"},
    {"process.run_delay", 0.1, false, "it waits for CPUs: host CPU, quota; runbook cpu-saturation-host"},
    {"process.throttled_share", 0.05, false, "the CPU quota is used up: raise it, or shed load; runbook cpu-throttled"},
    {"process.cgroup_cpu_cores", 0.2, false, "its cgroup uses more CPU: which process in it, system/processes.txt"},
    {"process.rss_bytes", 16 * kMiB, false,
     "more memory: a series (--samples 30 --every 10) tells leak from cache; runbook memory-leak-suspect"},
    {"process.cgroup_memory", 0.1, false, "its cgroup is fuller: runbook memory-limit-near"},
    {"process.open_files", 16, false, "which class grew: process/open_files.txt; runbook descriptor-leak"},
    {"process.tcp.CLOSE_WAIT", 5, false, "connections that it does not close: runbook connection-leak"},
    {"process.tcp.ESTABLISHED", 20, false, "more clients, or slower answers: compare with the request rate"},
    {"process.tcp.SYN_SENT", 3, false, "a peer does not answer: process/fds.json names it; runbook retransmits"},
    {"process.threads", 8, false,
     "what do the new ones wait for: threads/stacks.txt, largest group; runbook thread-growth"},
    {"process.children", 5, false, "more workers: load, or they do not end; process/tree.txt"},
    {"process.cgroup_pids", 0.1, false, "more tasks in its cgroup: runbook pid-exhaustion"},
    {"process.read_bytes", 4 * kMiB, false,
     "more reads from storage: caches that are cold, or too little memory for them"},
    {"process.write_bytes", 4 * kMiB, false,
     "more writes to storage: logs at a chattier level, or a flush; runbook io-stall"},
    {"process.major_faults", 20, false, "its pages come from disk: memory is short; runbook swap-thrash"},
    {"process.context_switches", 2000, false,
     "threads wake each other: lock contention or small reads; runbook lock-convoy"},
    {"host.load1", 2, false, "the host does more: system/processes.txt, by CPU; runbook cpu-saturation-host"},
    {"host.blocked_tasks", 3, false, "tasks wait for storage: runbook io-stall"},
    {"host.cpu_busy_percent", 15, false, "the host does more: system/processes.txt, by CPU"},
    {"host.memory_available", 256 * kMiB, true,
     "the host has less memory: system/processes.txt, by memory; runbook memory-limit-near"},
    {"host.swap_used", 64 * kMiB, false, "the host swaps: runbook swap-thrash"},
    {"host.swap_in", 20, false, "the host swaps: runbook swap-thrash"},
    {"host.pressure.cpu", 10, false, "tasks wait for CPUs: runbook cpu-saturation-host"},
    {"host.pressure.memory", 3, false, "tasks wait for memory: runbook memory-limit-near"},
    {"host.pressure.io", 10, false, "tasks wait for storage: runbook io-stall"},
    {"host.disk_busy_percent", 20, false, "a disk is busier: who writes, system/processes.txt; runbook io-stall"},
    {"host.network_bytes", 4 * kMiB, false, "more traffic: more load, or larger answers"},
    {"host.tcp_retransmit_ratio", 0.01, false, "the network loses packets: runbook retransmits"},
    {"runtime.goroutines", 100, false,
     "what do the new ones wait for: threads/goroutines.txt, largest group; runbook goroutine-pile-up"},
    {"runtime.heap_bytes", 16 * kMiB, false,
     "more objects are alive: heap profile in profiles/; runbook memory-leak-suspect"},
};

const Compared* compared(std::string_view key) {
  for (const Compared& row : kCompared)
    if (row.key == key) return &row;
  return nullptr;
}

// A number in the unit of the figure.
std::string in_unit(double value, std::string_view unit) {
  if (unit == "bytes") return human_bytes(value);
  if (unit == "bytes/s") return human_bytes(value) + "/s";
  if (unit == "ratio") return fmt::format("{:.1f} %", 100 * value);
  if (unit == "%") return fmt::format("{:.1f} %", value);
  std::string number = std::abs(value) >= 100 || value == std::floor(value) ? fmt::format("{:.0f}", value)
                                                                            : fmt::format("{:.2f}", value);
  if (unit == "1/s") return number + "/s";
  return unit == "cores" ? number + " cores" : number;
}

std::optional<Unusual> unusual(const Figure& figure, const UsualFigure& usual) {
  const Compared* row = compared(figure.key);
  if (!row || usual.count == 0) return std::nullopt;
  double more = row->lower_is_worse ? usual.mean : figure.value, less = row->lower_is_worse ? figure.value : usual.mean;
  if (more - less < row->least || more - less <= kDeviations * usual.deviation) return std::nullopt;
  double times = less > 0 ? more / less : std::numeric_limits<double>::infinity();
  if (times < kLow) return std::nullopt;
  Unusual found;
  found.figure = figure;
  found.usual = usual;
  found.times = times;
  found.lower = row->lower_is_worse;
  found.severity = times >= kHigh ? Severity::kHigh : times >= kMedium ? Severity::kMedium : Severity::kLow;
  found.usual_text = in_unit(usual.mean, figure.unit);
  if (usual.count > 1) found.usual_text += " ± " + in_unit(usual.deviation, figure.unit);
  found.suggestion = row->suggestion;
  return found;
}

}  // namespace

void BaselineBuilder::add(std::string archive, const std::vector<Figure>& figures) {
  archives_.push_back(std::move(archive));
  for (const Figure& figure : figures) {
    if (!compared(figure.key) || !std::isfinite(figure.value)) continue;
    Sums& sums = sums_[figure.key];
    double before = figure.value - sums.mean;
    sums.mean += before / static_cast<double>(++sums.count);
    sums.squares += before * (figure.value - sums.mean);
  }
}

Baseline BaselineBuilder::finish() && {
  Baseline baseline{std::move(archives_), {}};
  for (const auto& [key, sums] : sums_) {
    double variance = sums.count > 1 ? sums.squares / static_cast<double>(sums.count - 1) : 0;
    baseline.figures[key] = {sums.count, sums.mean, std::sqrt(std::max(variance, 0.0))};
  }
  return baseline;
}

std::string baseline_text(const Baseline& baseline) {
  std::string text;
  for (const std::string& archive : baseline.archives) text += fmt::format("archive {}\n", printable_line(archive));
  for (const auto& [key, usual] : baseline.figures)
    text += fmt::format("figure {} {} {:.17g} {:.17g}\n", key, usual.count, usual.mean, usual.deviation);
  return text;
}

Result<Baseline> parse_baseline(std::string_view where, std::string_view text) {
  Baseline baseline;
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    if (baseline.archives.size() + baseline.figures.size() >= kMostLines)
      return tl::unexpected(lines.expected("fewer lines"));
    FieldCursor fields(*line);
    auto word = fields.word();
    if (word == "archive") {
      baseline.archives.emplace_back(trim(fields.rest()));
    } else if (word == "figure") {
      auto key = fields.word();
      auto count = fields.number<uint64_t>();
      auto mean = fields.word(), deviation = fields.word();
      auto mean_value = mean ? parse_double(*mean) : std::nullopt;
      auto deviation_value = deviation ? parse_double(*deviation) : std::nullopt;
      if (!key || !count || !mean_value || !deviation_value || *deviation_value < 0)
        return tl::unexpected(lines.expected("KEY COUNT MEAN DEVIATION"));
      baseline.figures[std::string(*key)] = {*count, *mean_value, *deviation_value};
    }
  }
  return baseline;
}

std::vector<Unusual> unusual_figures(const Snapshot& snapshot) {
  std::vector<Unusual> all;
  if (!snapshot.baseline) return all;
  for (const Figure& figure : figures(snapshot)) {
    auto usual = snapshot.baseline->figures.find(figure.key);
    if (usual == snapshot.baseline->figures.end()) continue;
    if (auto found = unusual(figure, usual->second)) all.push_back(std::move(*found));
  }
  std::stable_sort(all.begin(), all.end(), [](const Unusual& a, const Unusual& b) { return a.times > b.times; });
  return all;
}

std::string unusual_words(const Unusual& unusual) {
  std::string how = std::isinf(unusual.times) ? (unusual.lower ? "nothing is left" : "it was nothing")
                    : unusual.lower           ? fmt::format("{:.1f} times less", unusual.times)
                                              : fmt::format("{:.1f} times as much", unusual.times);
  return fmt::format("{}: {}; usually {}, {}", unusual.figure.label, unusual.figure.text, unusual.usual_text, how);
}

}  // namespace ec
