#include <algorithm>
#include <iterator>

#include "collector/analysis/cpu_time.h"
#include "collector/analysis/thread_words.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kFunctions = 6, kThreads = 4, kOfPath = 6;
constexpr double kWorthALine = 0.02, kWorthAWord = 0.05;
constexpr uint64_t kFewestSamples = 20;

std::string percent(double share) { return fmt::format("{:.0f} %", share * 100); }

void add_functions(const CpuTime& time, std::vector<std::string>& lines) {
  for (const CpuFunction& function : time.functions) {
    if (lines.size() == kFunctions || function.self < kWorthALine) break;
    std::string line = fmt::format("{} of its CPU time is in {}", percent(function.self), function.name);
    if (!function.caller.empty())
      line += function.by_caller > 0.995
                  ? fmt::format(", called by {}", function.caller)
                  : fmt::format(", called by {} for {} of that", function.caller, percent(function.by_caller));
    lines.push_back(std::move(line));
  }
  if (time.path.size() > 1) {
    size_t first = time.path.size() - std::min(time.path.size(), kOfPath);
    std::string line = first > 0 ? "… → " : "";
    for (size_t i = first; i < time.path.size(); ++i) line += (i > first ? " → " : "") + time.path[i];
    lines.push_back("Half of it or more is below " + line);
  }
}

void add_threads(const Snapshot& snapshot, const CpuTime& time, std::vector<std::string>& lines) {
  ThreadIndex index(snapshot);
  std::vector<std::string> busy;
  double delay = 0;
  size_t still = 0;
  for (const CpuThread& thread : time.threads) {
    auto* known = index.thread(thread.tid);
    std::string name = known ? thread_name(*known) : fmt::format("tid {}", thread.tid);
    if (thread.cores >= kWorthALine) busy.push_back(fmt::format("{} {:.2f}", name, thread.cores));
    if (thread.cores == 0 && thread.delay == 0) ++still;
    delay += thread.delay;
  }
  if (!busy.empty()) lines.push_back("Cores by thread: " + enumerate(busy, kThreads));
  if (delay >= kWorthAWord)
    lines.push_back(
        fmt::format("Its threads were ready to run and had no CPU for {:.2f} s each second, together", delay));
  if (time.blocked.empty()) return;
  const BlockedStack& most = time.blocked.front();
  const auto& frames = snapshot.cpu_profile->stacks[most.stack].frames;
  std::string where = program_function(index, most.example);
  if (where.empty() && !frames.empty() && frames.front() < snapshot.cpu_profile->frames.size())
    where = spoken_frame(snapshot.cpu_profile->frames[frames.front()]);
  std::string line = fmt::format("{} of {} never ran", still, counted(time.threads.size(), "thread"));
  if (!where.empty())
    line += fmt::format("; most of the waiting was in {} ({})", where, counted(most.threads, "thread"));
  lines.push_back(std::move(line));
}

void add_gaps(const CpuProfile& profile, const CpuTime& time, std::vector<std::string>& lines) {
  std::vector<std::string> gaps;
  if (!profile.kernel) gaps.emplace_back("time in the kernel was not sampled (that needs CAP_PERFMON)");
  if (profile.lost > 0) gaps.push_back(counted(profile.lost, "record") + " lost");
  if (profile.unkept > 0)
    gaps.push_back(counted(profile.unkept, "sample") + " kept without their stack, for want of room");
  if (ratio(profile.cut, profile.samples) >= kWorthALine)
    gaps.push_back(fmt::format("{} of the stacks go on beyond the {} KiB that the kernel copied",
                               percent(ratio(profile.cut, profile.samples)), profile.stack_bytes / 1024));
  if (profile.sampled_threads < profile.threads)
    gaps.push_back(fmt::format("{} not sampled", counted(profile.threads - profile.sampled_threads, "thread")));
  if (profile.kernel && profile.unit == "ns" && profile.samples >= kFewestSamples && time.sampled < 0.9)
    gaps.push_back(
        fmt::format("the samples stand for {} of its CPU time: threads that live shorter than 10 ms are hardly "
                    "met",
                    percent(time.sampled)));
  if (profile.target_ended) gaps.emplace_back("it ended meanwhile");
  if (!gaps.empty()) lines.push_back("Not in it: " + enumerate(gaps, gaps.size()));
}

}  // namespace

CpuWords cpu_words(const Snapshot& snapshot) {
  CpuWords words;
  if (!snapshot.cpu_profile || snapshot.cpu_profile->span_ns == 0) return words;
  const CpuProfile& profile = *snapshot.cpu_profile;
  CpuTime time = cpu_time_of(snapshot);
  words.heading = fmt::format("{:.2f} cores over {:.1f} s", time.cores, time.seconds);
  if (!profile.refused.empty()) {
    words.lines.push_back(fmt::format("No samples: {}. Instead: CPU time by thread, and the stacks of those that wait",
                                      in_sentence(profile.refused, 300)));
    if (!profile.fix.empty()) words.lines.push_back("To have them: " + in_sentence(profile.fix, 300));
  } else if (profile.samples < kFewestSamples) {
    words.lines.push_back(fmt::format("{}: it hardly runs", counted(profile.samples, "sample")));
  } else {
    words.heading += fmt::format(", {}", counted(profile.samples, "sample"));
    add_functions(time, words.lines);
  }
  add_threads(snapshot, time, words.lines);
  if (profile.refused.empty()) add_gaps(profile, time, words.lines);
  return words;
}

}  // namespace ec
