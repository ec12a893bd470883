#include "collector/collectors/samples.h"

#include <catch2/catch.hpp>

#include "collector/base/bundle.h"

using namespace ec;

namespace {

RawStore series(const std::vector<std::string>& samples) {
  std::string bundle;
  append_section(bundle, "plan", "samples 3\nevery_ns 500000000\n");
  for (size_t i = 0; i < samples.size(); ++i) append_section(bundle, std::to_string(i + 1), samples[i]);
  RawStore store;
  ArtifactRow row;
  row.path = "raw/samples.bundle";
  store.add(row, bundle);
  return store;
}

Snapshot parsed(const std::vector<std::string>& samples) {
  Snapshot snapshot;
  parse_samples(series(samples), snapshot);
  return snapshot;
}

}  // namespace

TEST_CASE("a series without names has addresses") {
  Snapshot snapshot = parsed({"at 0\ncost 12000 9000 1 0\nstack 0 10 20\nthread 7 0 100\nthread 8 -1 0\n",
                              "at 500000000\ncost 0 0 0 0\nstack 1 30\nthread 7 0 100\nthread 8 1 5\n"});
  REQUIRE(snapshot.samples);
  const SampleSeries& all = *snapshot.samples;
  CHECK(all.asked == 3);
  CHECK(all.every_ns == 500'000'000);
  REQUIRE(all.samples.size() == 2);
  CHECK(all.samples[0].cost.threads_stopped == 1);
  CHECK(all.samples[1].at_ns == 500'000'000);
  REQUIRE(all.stacks.size() == 2);
  CHECK(all.frames[all.stacks[0].frames[1]].pc == 0x20);
  CHECK_FALSE(all.samples[0].threads[1].stack);
  CHECK(*all.samples[1].threads[1].stack == 1);
}

TEST_CASE("a sample that is malformed names its line, and numbers out of range are no stacks") {
  CHECK(parse_sample("2", "at 0\nstack 5 10\n", 0).error().where == "2:2");
  CHECK(parse_sample("2", "at 0\ncost 1\n", 0).error().where == "2:2");
  CHECK(parse_sample("2", "thread x\n", 0).error().where == "2:1");
  auto sample = parse_sample("2", "thread 7 99 1\n", 3);
  REQUIRE(sample);
  CHECK_FALSE(sample->sample.threads[0].stack);
}

TEST_CASE("nobody asked for a series") {
  Snapshot snapshot;
  parse_samples(RawStore{}, snapshot);
  CHECK_FALSE(snapshot.samples);
  CHECK(snapshot.samples.why().code == ErrorCode::kNotFound);
}
