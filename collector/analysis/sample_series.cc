#include "collector/analysis/sample_series.h"

#include <algorithm>
#include <map>

#include "collector/analysis/thread_words.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"

namespace ec {

namespace {

struct Seen {
  std::map<uint32_t, uint64_t> stacks;
  uint64_t samples = 0, first_run_ns = 0, last_run_ns = 0;
  int64_t first_at_ns = 0, last_at_ns = 0;
};

double seconds_of(const SampleSeries& series) {
  if (series.samples.empty()) return 0;
  return static_cast<double>(series.samples.back().at_ns - series.samples.front().at_ns) / 1e9;
}

ThreadTrack track_of(int tid, const Seen& seen) {
  ThreadTrack track;
  track.tid = tid;
  track.different = seen.stacks.size();
  for (const auto& [stack, count] : seen.stacks) {
    track.seen += count;
    if (count > track.usual_seen) track.usual = stack, track.usual_seen = count;
  }
  track.ran = seen.last_run_ns != seen.first_run_ns;
  if (seen.last_at_ns > seen.first_at_ns && seen.last_run_ns > seen.first_run_ns)
    track.cpu_cores = static_cast<double>(seen.last_run_ns - seen.first_run_ns) /
                      static_cast<double>(seen.last_at_ns - seen.first_at_ns);
  return track;
}

}  // namespace

bool ThreadTrack::stuck(const SampleSeries& series) const {
  return different == 1 && !ran && series.samples.size() > 1 && seen == series.samples.size();
}

std::vector<ThreadTrack> tracks_of(const SampleSeries& series) {
  std::map<int, Seen> all;
  for (const StackSample& sample : series.samples)
    for (const ThreadSample& thread : sample.threads) {
      Seen& seen = all[thread.tid];
      if (seen.samples++ == 0) seen.first_run_ns = thread.run_ns, seen.first_at_ns = sample.at_ns;
      seen.last_run_ns = thread.run_ns;
      seen.last_at_ns = sample.at_ns;
      if (thread.stack && *thread.stack < series.stacks.size()) ++seen.stacks[*thread.stack];
    }
  std::vector<ThreadTrack> tracks;
  for (const auto& [tid, seen] : all)
    if (!seen.stacks.empty()) tracks.push_back(track_of(tid, seen));
  return tracks;
}

std::string series_sentence(const Snapshot& snapshot) {
  if (!snapshot.samples || snapshot.samples->samples.empty()) return {};
  const SampleSeries& series = *snapshot.samples;
  auto tracks = tracks_of(series);
  auto stuck = std::count_if(tracks.begin(), tracks.end(), [&](const auto& track) { return track.stuck(series); });
  std::string sentence = fmt::format("{}{} in {:.1f} s: {} of {} never moved", counted(series.samples.size(), "sample"),
                                     series.samples.size() < series.asked ? fmt::format(" of {}", series.asked) : "",
                                     seconds_of(series), stuck, counted(tracks.size(), "thread"));
  auto busiest = std::max_element(tracks.begin(), tracks.end(),
                                  [](const auto& a, const auto& b) { return a.cpu_cores < b.cpu_cores; });
  if (busiest == tracks.end() || busiest->cpu_cores < 0.1) return sentence;
  ThreadIndex index(snapshot);
  auto* thread = index.thread(busiest->tid);
  sentence +=
      fmt::format(", {} used {:.0f} % of a CPU", thread ? thread_name(*thread) : fmt::format("tid {}", busiest->tid),
                  busiest->cpu_cores * 100);
  const auto& frames = series.stacks[busiest->usual].frames;
  if (!frames.empty() && frames.front() < series.frames.size())
    sentence += ", most often in " + spoken_frame(series.frames[frames.front()]);
  return sentence;
}

}  // namespace ec
