#include "collector/analysis/frame_runs.h"

namespace ec {

namespace {

constexpr size_t kLongestCycle = 16, kLeastTimes = 4;

// The cycle that begins here; times 1 when none does.
FrameRun cycle_at(std::span<const uint32_t> frames, size_t begin) {
  for (size_t length = 1; length <= kLongestCycle; ++length) {
    size_t end = begin + length;
    while (end < frames.size() && frames[end] == frames[end - length]) ++end;
    if (size_t times = (end - begin) / length; times >= kLeastTimes) return {begin, length, times};
  }
  return {begin, 1, 1};
}

}  // namespace

std::vector<FrameRun> frame_runs(std::span<const uint32_t> frames) {
  std::vector<FrameRun> runs;
  for (size_t at = 0; at < frames.size();) {
    FrameRun run = cycle_at(frames, at);
    at += run.length * run.times;
    if (run.times == 1 && !runs.empty() && runs.back().times == 1)
      ++runs.back().length;
    else
      runs.push_back(run);
  }
  return runs;
}

}  // namespace ec
