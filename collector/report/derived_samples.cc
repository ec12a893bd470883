#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>

#include "collector/analysis/sample_series.h"
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

std::string name_of(const ThreadIndex& index, int tid) {
  auto* thread = index.thread(tid);
  return thread ? fmt::format("{}={}", tid, plain_line(thread->name, 32)) : std::to_string(tid);
}

void stack_lines(std::string& text, const SampleSeries& series, uint32_t number) {
  for (uint32_t frame : series.stacks[number].frames)
    if (frame < series.frames.size())
      fmt::format_to(Out(text), "      {}\n", plain_line(frame_name(series.frames[frame], 300), 300));
}

// Threads that one stack belongs to, most threads first.
using Groups = std::vector<std::pair<uint32_t, std::vector<const ThreadTrack*>>>;
Groups grouped(const std::vector<ThreadTrack>& tracks, const std::function<bool(const ThreadTrack&)>& wanted) {
  std::map<uint32_t, std::vector<const ThreadTrack*>> by_stack;
  for (const ThreadTrack& track : tracks)
    if (wanted(track)) by_stack[track.usual].push_back(&track);
  Groups groups(by_stack.begin(), by_stack.end());
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.second.size() > b.second.size(); });
  return groups;
}

void list(std::string& text, const char* title, const Groups& groups, const SampleSeries& series,
          const ThreadIndex& index, bool with_share) {
  size_t threads = 0;
  for (const auto& group : groups) threads += group.second.size();
  fmt::format_to(Out(text), "\n{}: {}\n", title, threads);
  for (const auto& [stack, tracks] : groups) {
    text += "\n   ";
    size_t column = 3;
    for (const ThreadTrack* track : tracks) {
      std::string entry = " " + name_of(index, track->tid);
      if (with_share)
        entry += fmt::format(" ({} of {} samples here, {}, {:.0f} % CPU)", track->usual_seen, track->seen,
                             counted(track->different, "different stack"), track->cpu_cores * 100);
      if (column + entry.size() > 118) text += "\n   ", column = 3;
      text += entry;
      column += entry.size();
    }
    text += '\n';
    stack_lines(text, series, stack);
  }
}

std::string samples_txt(const Snapshot& snapshot, const SampleSeries& series) {
  ThreadIndex index(snapshot);
  auto tracks = tracks_of(series);
  std::string text = series_sentence(snapshot) + ".\n";
  auto stuck = [&](const ThreadTrack& track) { return track.stuck(series); };
  auto same = [&](const ThreadTrack& track) { return !track.stuck(series) && track.different == 1; };
  auto moved = [&](const ThreadTrack& track) { return track.different > 1; };
  list(text, "Threads that never moved: one stack in every sample, and no CPU time", grouped(tracks, stuck), series,
       index, false);
  list(text, "Threads that were met in one stack only, and ran or were not seen each time", grouped(tracks, same),
       series, index, true);
  list(text, "Threads that moved, by the stack they were met in most often", grouped(tracks, moved), series, index,
       true);
  return text;
}

std::vector<uint64_t> counts_of(const SampleSeries& series) {
  std::vector<uint64_t> counts(series.stacks.size());
  for (const StackSample& sample : series.samples)
    for (const ThreadSample& thread : sample.threads)
      if (thread.stack && *thread.stack < counts.size()) ++counts[*thread.stack];
  return counts;
}

// The series as a wall-clock profile: every thread counts in every sample, whether it runs or waits.
Result<std::string> profile_of(const Snapshot& snapshot, const std::vector<uint64_t>& counts) {
  const SampleSeries& series = *snapshot.samples;
  StackProfile profile(series.frames, snapshot.target.exe, "wall", "nanoseconds", series.every_ns);
  profile.header().time_ns = snapshot.run.started_wall_ns;
  if (!series.samples.empty()) profile.header().duration_ns = series.samples.back().at_ns + series.every_ns;
  for (size_t i = 0; i < counts.size(); ++i) {
    auto count = static_cast<int64_t>(counts[i]);
    if (count > 0) profile.add(series.stacks[i].frames, count, count * series.every_ns);
  }
  auto finished = std::move(profile).finish("profiles/samples.pb.gz");
  if (!finished) return tl::unexpected<Error>(finished.error());
  return write_pprof(finished->profile);
}

}  // namespace

void samples(const Snapshot& snapshot, Artifacts& out) {
  if (!snapshot.samples || snapshot.samples->samples.empty()) return;
  const SampleSeries& series = *snapshot.samples;
  const std::string source = "raw/samples.bundle, raw/samples.json";
  std::vector<uint64_t> counts = counts_of(series);
  std::vector<WeightedStack> stacks;
  for (size_t i = 0; i < counts.size(); ++i)
    stacks.push_back({box_names(series.frames, series.stacks[i].frames), counts[i]});
  out.push_back({"threads/samples.txt", source, samples_txt(snapshot, series)});
  out.push_back({"threads/samples.folded", source, folded_stacks(stacks)});
  out.push_back({"threads/samples.svg", source,
                 flame_svg(fmt::format("{} (pid {}): where its threads were, {}", plain_line(snapshot.target.comm, 60),
                                       snapshot.target.pid, counted(series.samples.size(), "sample")),
                           stacks)});
  if (auto profile = profile_of(snapshot, counts))
    out.push_back({"profiles/samples.pb.gz", source, std::move(*profile)});
}

}  // namespace ec::derived
