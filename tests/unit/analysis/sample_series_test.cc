#include "collector/analysis/sample_series.h"

#include <catch2/catch.hpp>

using namespace ec;

namespace {

// Thread 1 never moves, 2 computes in one function, 3 is born late, 4 moves between two places.
Snapshot series() {
  SampleSeries all;
  all.asked = 4;
  all.every_ns = 1'000'000'000;
  for (const char* name : {"wait", "spin", "read"}) all.frames.emplace_back().symbol = name;
  for (uint32_t i = 0; i < 3; ++i) all.stacks.emplace_back().frames = {i};
  for (int i = 0; i < 4; ++i) {
    StackSample sample;
    sample.at_ns = i * 1'000'000'000LL;
    sample.threads = {{1, 0, 50}, {2, 1, static_cast<uint64_t>(i) * 900'000'000}};
    if (i == 3) sample.threads.push_back({3, 0, 10});
    sample.threads.push_back({4, i == 0 ? 0u : 2u, static_cast<uint64_t>(i) * 1000});
    all.samples.push_back(sample);
  }
  Snapshot snapshot;
  snapshot.samples = std::move(all);
  return snapshot;
}

}  // namespace

TEST_CASE("a thread moves, computes or stands still") {
  Snapshot snapshot = series();
  auto tracks = tracks_of(*snapshot.samples);
  REQUIRE(tracks.size() == 4);
  CHECK(tracks[0].stuck(*snapshot.samples));
  CHECK_FALSE(tracks[1].stuck(*snapshot.samples));
  CHECK(tracks[1].cpu_cores == Approx(0.9));
  CHECK_FALSE(tracks[2].stuck(*snapshot.samples));
  CHECK(tracks[3].different == 2);
  CHECK(tracks[3].usual == 2);
  CHECK(tracks[3].usual_seen == 3);
}

TEST_CASE("a series in one sentence") {
  CHECK(series_sentence(series()) ==
        "4 samples in 3.0 s: 1 of 4 threads never moved, tid 2 used 90 % of a CPU, most often in spin");
  Snapshot cut = series();
  cut.samples->asked = 10;
  CHECK(series_sentence(cut).starts_with("4 samples of 10 in 3.0 s"));
  CHECK(series_sentence(Snapshot{}).empty());
}

TEST_CASE("stacks out of range are passed over") {
  Snapshot snapshot = series();
  snapshot.samples->stacks.clear();
  CHECK(tracks_of(*snapshot.samples).empty());
  CHECK(series_sentence(snapshot).starts_with("4 samples in 3.0 s: 0 of 0 threads"));
}
