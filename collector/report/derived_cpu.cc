#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "collector/analysis/cpu_time.h"
#include "collector/analysis/stack_profile.h"
#include "collector/analysis/thread_words.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/profile/pprof_writer.h"
#include "collector/report/derived.h"
#include "collector/report/flame_svg.h"
#include "collector/report/stack_boxes.h"
#include "collector/report/text_layout.h"

namespace ec::derived {

namespace {

using Out = std::back_insert_iterator<std::string>;

constexpr size_t kFunctions = 100, kThreads = 200, kBlocked = 50;

std::string percent(double share) { return fmt::format("{:.1f}", 100 * share); }

std::string name_of(const ThreadIndex& index, int tid) {
  auto* thread = index.thread(tid);
  return thread ? plain_line(thread->name, 32) : "";
}

void functions(const CpuTime& time, std::string& text) {
  if (time.functions.empty()) return;
  text +=
      "\nFunctions, by their own CPU time (self) and with all that they call (total), in per cent of the samples\n\n";
  TextTable table({">self", ">total", "function", "called by"});
  for (size_t i = 0; i < std::min(time.functions.size(), kFunctions); ++i) {
    const CpuFunction& each = time.functions[i];
    std::string caller = each.caller.empty() ? "" : fmt::format("{} ({:.0f} %)", each.caller, 100 * each.by_caller);
    table.row({percent(each.self), percent(each.total), plain_line(each.name, 100), plain_line(caller, 100)});
  }
  text += table.text();
  if (time.functions.size() > kFunctions)
    fmt::format_to(Out(text), "… {} more: profiles/cpu.pb.gz\n", time.functions.size() - kFunctions);
}

void threads(const CpuTime& time, const ThreadIndex& index, std::string& text) {
  if (time.threads.empty()) return;
  text += "\nThreads, by CPU time: cores used; ready to run but without a CPU; blocked\n\n";
  TextTable table({">tid", "name", ">cores", ">delayed %", ">blocked %"});
  for (size_t i = 0; i < std::min(time.threads.size(), kThreads); ++i) {
    const CpuThread& each = time.threads[i];
    table.row({std::to_string(each.tid), name_of(index, each.tid), fmt::format("{:.3f}", each.cores),
               percent(each.delay), percent(each.blocked)});
  }
  text += table.text();
  if (time.threads.size() > kThreads) fmt::format_to(Out(text), "… {} more\n", time.threads.size() - kThreads);
}

void blocked(const CpuProfile& profile, const CpuTime& time, const ThreadIndex& index, std::string& text) {
  if (time.blocked.empty()) return;
  text +=
      "\nWhere threads were blocked meanwhile, by the time of all of them together (their stacks were read without a "
      "stop, at the end of each interval)\n";
  for (size_t i = 0; i < std::min(time.blocked.size(), kBlocked); ++i) {
    const BlockedStack& each = time.blocked[i];
    fmt::format_to(Out(text), "\n    {:.2f} s, {}, e.g. {} {}\n", each.seconds, counted(each.threads, "thread"),
                   each.example, name_of(index, each.example));
    for (uint32_t frame : profile.stacks[each.stack].frames)
      if (frame < profile.frames.size())
        fmt::format_to(Out(text), "      {}\n", plain_line(frame_name(profile.frames[frame], 300), 300));
  }
  if (time.blocked.size() > kBlocked) fmt::format_to(Out(text), "\n… {} more stacks\n", time.blocked.size() - kBlocked);
}

std::string cpu_txt(const Snapshot& snapshot) {
  const CpuProfile& profile = *snapshot.cpu_profile;
  CpuWords words = cpu_words(snapshot);
  CpuTime time = cpu_time_of(snapshot);
  ThreadIndex index(snapshot);
  std::string text = words.heading + "\n";
  if (profile.refused.empty())
    fmt::format_to(Out(text),
                   "{} samples a second of each running thread's time ({}), {:.0f} % of them in the kernel\n",
                   profile.hz, plain_line(profile.event, 40), 100 * time.in_kernel);
  for (const std::string& line : words.lines) text += plain_line(line, 600) + "\n";
  functions(time, text);
  threads(time, index, text);
  blocked(profile, time, index, text);
  return text;
}

}  // namespace

void cpu_profile(const Snapshot& snapshot, Artifacts& out) {
  if (!snapshot.cpu_profile || snapshot.cpu_profile->span_ns == 0) return;
  const CpuProfile& profile = *snapshot.cpu_profile;
  const std::string source = "raw/cpu_profile.bundle, raw/cpu_profile.json";
  out.push_back({"profiles/cpu.txt", source, cpu_txt(snapshot)});
  if (profile.spent.empty()) return;
  std::vector<WeightedStack> stacks;
  for (const CpuSample& sample : profile.spent)
    stacks.push_back({box_names(profile.frames, frames_of(profile, sample)), sample.count});
  out.push_back({"profiles/cpu.folded", source, folded_stacks(stacks)});
  out.push_back({"profiles/cpu.svg", source,
                 flame_svg(fmt::format("{} (pid {}): where its CPU time goes, {}", plain_line(snapshot.target.comm, 60),
                                       snapshot.target.pid, counted(profile.samples, "sample")),
                           stacks)});
  if (auto pprof = cpu_profile_of(snapshot))
    out.push_back({std::string(kCpuProfileArtifact), source, write_pprof(pprof->profile)});
}

void page_faults(const Snapshot& snapshot, Artifacts& out) {
  if (!snapshot.page_faults || snapshot.page_faults->spent.empty()) return;
  const CpuProfile& profile = *snapshot.page_faults;
  const std::string source = "raw/page_faults.bundle, raw/page_faults.json";
  std::vector<WeightedStack> stacks;
  for (const CpuSample& sample : profile.spent)
    stacks.push_back({box_names(profile.frames, frames_of(profile, sample)), sample.weight});
  out.push_back({"profiles/page-faults.svg", source,
                 flame_svg(fmt::format("{} (pid {}): where it touches memory for the first time, {}",
                                       plain_line(snapshot.target.comm, 60), snapshot.target.pid,
                                       human_bytes(static_cast<double>(profile.weight))),
                           stacks)});
  if (auto pprof = page_fault_profile_of(snapshot))
    out.push_back({std::string(kPageFaultsArtifact), source, write_pprof(pprof->profile)});
}

}  // namespace ec::derived
