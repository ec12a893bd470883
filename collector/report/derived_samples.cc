#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>

#include "collector/analysis/sample_series.h"
#include "collector/analysis/thread_words.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/profile/pprof_writer.h"
#include "collector/profile/profile_builder.h"
#include "collector/report/derived.h"
#include "collector/report/flame_svg.h"
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

// Boxes are narrow: the function, without what every name of a C++ file begins with.
std::string short_name(const Frame& frame) {
  constexpr std::string_view kUnnamed = "(anonymous namespace)::";
  std::string name = spoken_frame(frame);
  for (size_t at = name.find(kUnnamed); at != std::string::npos; at = name.find(kUnnamed))
    name.erase(at, kUnnamed.size());
  return name;
}

std::vector<WeightedStack> weighted(const SampleSeries& series) {
  std::vector<WeightedStack> stacks(series.stacks.size());
  for (size_t i = 0; i < stacks.size(); ++i) {
    const auto& frames = series.stacks[i].frames;
    for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame)
      if (*frame < series.frames.size()) stacks[i].frames.push_back(short_name(series.frames[*frame]));
  }
  for (const StackSample& sample : series.samples)
    for (const ThreadSample& thread : sample.threads)
      if (thread.stack && *thread.stack < stacks.size()) ++stacks[*thread.stack].weight;
  return stacks;
}

// The series as a wall-clock profile: every thread counts in every sample, whether it runs or waits.
class ProfileOf {
 public:
  explicit ProfileOf(const SampleSeries& series, int64_t started_ns) {
    builder_.sample_type("samples", "count");
    builder_.sample_type("wall", "nanoseconds");
    Pprof& header = builder_.header();
    header.period_type = {builder_.text("wall"), builder_.text("nanoseconds")};
    header.period = series.every_ns;
    header.time_ns = started_ns;
    if (!series.samples.empty()) header.duration_ns = series.samples.back().at_ns + series.every_ns;
    for (const Frame& frame : series.frames) locations_.push_back(location_of(frame));
    std::vector<int64_t> counts(series.stacks.size());
    for (const StackSample& sample : series.samples)
      for (const ThreadSample& thread : sample.threads)
        if (thread.stack && *thread.stack < counts.size()) ++counts[*thread.stack];
    for (size_t i = 0; i < counts.size(); ++i)
      if (counts[i] > 0) add_sample(series.stacks[i], counts[i], series.every_ns);
  }

  Result<OwnedPprof> finish() { return std::move(builder_).finish("profiles/samples.pb.gz"); }

 private:
  uint32_t mapping_of(const Frame& frame) {
    if (frame.module.empty()) return kNoPprofMapping;
    PprofMapping mapping;
    mapping.file = builder_.text(frame.module);
    mapping.build_id = builder_.text(frame.build_id);
    mapping.has_functions = true;  // nobody needs to look for symbols again
    return builder_.mapping(mapping);
  }

  uint32_t location_of(const Frame& frame) {
    PprofFunction function;
    function.name = builder_.text(frame_name(frame, 400));
    function.system_name = builder_.text(frame.symbol);
    function.file = builder_.text(frame.file);
    PprofLine line{builder_.function(function), frame.line};
    PprofLocation location;
    location.address = frame.pc;
    location.mapping = mapping_of(frame);
    return builder_.location(location, {&line, 1});
  }

  void add_sample(const Stack& stack, int64_t count, int64_t every_ns) {
    std::vector<uint32_t> frames;
    for (uint32_t frame : stack.frames)
      if (frame < locations_.size()) frames.push_back(locations_[frame]);
    const int64_t values[] = {count, count * every_ns};
    builder_.sample(frames, values);
  }

  ProfileBuilder builder_;
  std::vector<uint32_t> locations_;  // by frame of the series
};

}  // namespace

void samples(const Snapshot& snapshot, Artifacts& out) {
  if (!snapshot.samples || snapshot.samples->samples.empty()) return;
  const SampleSeries& series = *snapshot.samples;
  const std::string source = "raw/samples.bundle, raw/samples.json";
  auto stacks = weighted(series);
  out.push_back({"threads/samples.txt", source, samples_txt(snapshot, series)});
  out.push_back({"threads/samples.folded", source, folded_stacks(stacks)});
  out.push_back({"threads/samples.svg", source,
                 flame_svg(fmt::format("{} (pid {}): where its threads were, {}", plain_line(snapshot.target.comm, 60),
                                       snapshot.target.pid, counted(series.samples.size(), "sample")),
                           stacks)});
  if (auto profile = ProfileOf(series, snapshot.run.started_wall_ns).finish())
    out.push_back({"profiles/samples.pb.gz", source, write_pprof(profile->profile)});
}

}  // namespace ec::derived
