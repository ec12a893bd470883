#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/file_classes.h"
#include "collector/analysis/goroutine_groups.h"
#include "collector/analysis/growth.h"
#include "collector/analysis/rules.h"
#include "collector/analysis/stack_profile.h"
#include "collector/analysis/thread_words.h"
#include "collector/analysis/touched_memory.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"

namespace ec::rules {

namespace {

constexpr double kSoon = 600, kToday = 86'400;  // seconds

Severity severity_of(const Growth& growth) {
  double left = growth.seconds_left().value_or(kToday);
  // A series of seconds does not foretell hours.
  if (left <= kSoon) return left <= 60 ? Severity::kCritical : Severity::kHigh;
  return Severity::kMedium;
}

Evidence series_evidence(const Growth& growth) {
  return {"process/gauges.txt", fmt::format("row \"{}\"", gauge_label(growth.gauge)), growth_words(growth)};
}

// "grew from 20 MiB to 29 MiB in 10 samples over 9.0 s, by about 60 MiB a minute, and did not come to an end".
std::string what_it_did(const Growth& growth) {
  const Trend& trend = growth.trend;
  return fmt::format("grew from {} to {} in {} samples over {}, by about {} a minute, without coming to an end",
                     gauge_text(growth.gauge, trend.first), gauge_text(growth.gauge, trend.last), trend.points,
                     human_duration(trend.seconds), gauge_text(growth.gauge, trend.per_minute));
}

std::string when_it_ends(const Growth& growth) {
  auto left = growth.seconds_left();
  if (!left || *left > 30 * kToday) return {};
  return fmt::format(" At this pace it meets {} in {}.", growth.limit_words, human_duration(*left));
}

Finding finding_of(std::string id, std::string_view what, const Growth& growth) {
  const Trend& trend = growth.trend;
  return {
      std::move(id),
      severity_of(growth),
      fmt::format("{} grow{}: {} to {} in {}", what, what == "Memory" ? "s" : "", gauge_text(growth.gauge, trend.first),
                  gauge_text(growth.gauge, trend.last), human_duration(trend.seconds)),
      "",
      {series_evidence(growth)}};
}

const Growth* growing(const std::vector<Growth>& all, Gauge gauge) {
  const Growth* growth = growth_of(all, gauge);
  return growth && growth->trend.growing() ? growth : nullptr;
}

// "main.remember < main.handle < main.main": the innermost first, without the allocator.
std::string call_path(const std::vector<std::string>& functions) {
  constexpr size_t kMost = 8;
  std::string text;
  size_t shown = 0;
  for (const std::string& function : functions) {
    if (shown == kMost) return text + " < …";
    if (shown++ > 0) text += " < ";
    text += in_sentence(function, 100);
  }
  return text.empty() ? "an unknown path" : text;
}

// Where the page faults were. What is given back is in them too: a word for it, not a verdict.
void add_touched_memory(const Snapshot& snapshot, Finding& finding) {
  TouchedMemory touched = touched_memory(snapshot);
  if (touched.by_path.empty()) return;
  const GrownAllocation& most = touched.by_path.front();
  finding.detail += fmt::format(
      " Of {} that it touched for the first time meanwhile, {:.0f} % were touched by {}: that is "
      "where it grows, not always who keeps what is there.",
      human_bytes(static_cast<double>(touched.bytes)),
      100 * ratio(static_cast<double>(most.bytes), static_cast<double>(touched.bytes)), call_path(most.functions));
  for (size_t i = 0; i < std::min<size_t>(touched.by_path.size(), 3); ++i)
    finding.evidence.push_back({std::string(kPageFaultsArtifact), "by call path",
                                fmt::format("{} by {}", human_bytes(static_cast<double>(touched.by_path[i].bytes)),
                                            call_path(touched.by_path[i].functions))});
}

void memory_evidence(const Snapshot& snapshot, const std::vector<Growth>& all, const Growth& lead, Finding& finding) {
  if (snapshot.runtime_gauges)
    for (size_t i = 0; i < std::min<size_t>(snapshot.runtime_gauges->allocations.size(), 3); ++i) {
      const GrownAllocation& path = snapshot.runtime_gauges->allocations[i];
      finding.evidence.push_back(
          {snapshot.runtime_gauges->allocations_artifact, "more than in heap.pb.gz",
           fmt::format("{} by {}", human_bytes(static_cast<double>(path.bytes)), call_path(path.functions))});
    }
  for (const Growth& other : all)
    if (&other != &lead && (other.gauge == Gauge::kRss || other.gauge == Gauge::kAnonymous ||
                            other.gauge == Gauge::kHeap || other.gauge == Gauge::kHeapObjects))
      finding.evidence.push_back(series_evidence(other));
  auto grown = grown_mappings(snapshot);
  for (size_t i = 0; i < std::min<size_t>(grown.size(), 3); ++i)
    finding.evidence.push_back(
        {fmt::format("raw/last/proc/{}/maps", snapshot.target.pid), "beside " + raw_process(snapshot, "maps"),
         fmt::format("{} by {}", in_sentence(grown[i].name, 100), human_bytes(static_cast<double>(grown[i].bytes)))});
}

}  // namespace

Findings memory_leak_suspect(const Snapshot& snapshot) {
  auto all = growths(snapshot);
  // Pages of files come and go with what is read. A heap that grows inside memory that was there already is the first
  // sign of all.
  const Growth* lead = growing(all, Gauge::kAnonymous);
  const Growth* heap = growing(all, Gauge::kHeap);
  if (!lead) lead = heap;
  if (!lead) return {};
  Finding finding = finding_of("memory-leak-suspect", "Memory", *lead);
  finding.detail = fmt::format("{} takes more and more memory: it {}.", target_name(snapshot), what_it_did(*lead));
  finding.detail += when_it_ends(*lead);
  if (snapshot.runtime_gauges && !snapshot.runtime_gauges->allocations.empty()) {
    const GrownAllocation& path = snapshot.runtime_gauges->allocations.front();
    finding.detail += fmt::format(" What grew most is allocated by {}: {}.", call_path(path.functions),
                                  human_bytes(static_cast<double>(path.bytes)));
  } else {
    add_touched_memory(snapshot, finding);
  }
  const Growth* any_heap = growth_of(all, Gauge::kHeap);
  if (any_heap && !heap && lead->gauge == Gauge::kAnonymous && any_heap->trend.kind != Trend::Kind::kTooFew)
    finding.detail += " The heap of its runtime does not grow: the memory is taken outside of it.";
  finding.detail +=
      " A cache that is still filling looks the same; a longer series (--samples 30 --every 10) tells them apart.";
  memory_evidence(snapshot, all, *lead, finding);
  return {finding};
}

Findings descriptor_leak(const Snapshot& snapshot) {
  auto all = growths(snapshot);
  const Growth* growth = growing(all, Gauge::kDescriptors);
  if (!growth) return {};
  Finding finding = finding_of("descriptor-leak", "Descriptors", *growth);
  finding.detail = fmt::format("{} opens more files than it closes: its descriptors {}.", target_name(snapshot),
                               what_it_did(*growth)) +
                   when_it_ends(*growth);
  if (!snapshot.files) return {finding};
  auto classes = file_classes(*snapshot.files);
  for (size_t i = 0; i < std::min<size_t>(classes.size(), 3); ++i)
    finding.evidence.push_back(
        {"process/open_files.txt", "classes", fmt::format("{:>7}  {}", classes[i].count, classes[i].words)});
  return {finding};
}

Findings thread_growth(const Snapshot& snapshot) {
  auto all = growths(snapshot);
  const Growth* growth = growing(all, Gauge::kThreads);
  if (!growth) return {};
  Finding finding = finding_of("thread-growth", "Threads", *growth);
  finding.detail =
      fmt::format("{} starts threads that do not end: they {}.", target_name(snapshot), what_it_did(*growth)) +
      when_it_ends(*growth);
  ThreadIndex index(snapshot);
  auto groups = group_threads(snapshot, index);
  if (!groups.empty() && groups.front().tids.size() > 1) {
    std::string place = program_function(index, groups.front().tids.front());
    finding.evidence.push_back(
        {"threads/stacks.txt", "largest group",
         fmt::format("{} × {}{}{}", groups.front().tids.size(), in_sentence(groups.front().example->name, 32),
                     place.empty() ? "" : ", ", in_sentence(place, 100))});
  }
  return {finding};
}

Findings goroutine_growth(const Snapshot& snapshot) {
  auto all = growths(snapshot);
  const Growth* growth = growing(all, Gauge::kGoroutines);
  if (!growth) return {};
  Finding finding = finding_of("goroutine-growth", "Goroutines", *growth);
  finding.detail =
      fmt::format("{} starts goroutines that do not end: they {}.", target_name(snapshot), what_it_did(*growth)) +
      " Each keeps its stack and what it refers to.";
  if (!snapshot.goroutines) return {finding};
  auto groups = group_goroutines(*snapshot.goroutines);
  if (groups.empty()) return {finding};
  const GoroutinesAtStack& most = groups.front();
  const auto& frames = snapshot.goroutines->frames;
  std::string text = fmt::format("{} × {}", most.members.size(), in_sentence(most.state, 40));
  if (most.stack)
    for (size_t i = 0; i < std::min<size_t>(most.stack->frames.size(), 4); ++i)
      if (most.stack->frames[i] < frames.size())
        text += " < " + in_sentence(frames[most.stack->frames[i]].function, 80);
  if (auto creator = most.members.front()->creator; creator && *creator < frames.size())
    text += ", created by " + in_sentence(frames[*creator].function, 80);
  finding.evidence.push_back({"threads/goroutines.txt", "largest group", std::move(text)});
  return {finding};
}

}  // namespace ec::rules
