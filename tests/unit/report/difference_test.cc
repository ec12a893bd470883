#include "collector/report/difference.h"

#include <catch2/catch.hpp>

#include "collector/analysis/growth.h"
#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

namespace {

constexpr int64_t kMinute = 60'000'000'000;

std::string difference(const Snapshot& before, const Snapshot& after, const GaugeSeries& series = {}) {
  return difference_text(before, analyse(before), after, analyse(after), series);
}

}  // namespace

TEST_CASE("the difference says how much later the second archive is") {
  Snapshot before = healthy(), after = healthy();
  after.run.started_wall_ns += 5 * kMinute;
  std::string text = difference(before, after);
  CHECK(text.find("(5 min 0 s later)") != std::string::npos);
  CHECK(text.find("older") == std::string::npos);
  CHECK(text.find("another process") == std::string::npos);
}

TEST_CASE("archives in the wrong order are compared as given, and it is said which one is older") {
  Snapshot before = healthy(), after = healthy();
  after.run.started_wall_ns -= 5 * kMinute;
  before.files->count = 1020;
  std::string text = difference(before, after);
  CHECK(text.find("(-") == std::string::npos);
  CHECK(text.find("(5 min 0 s earlier)") != std::string::npos);
  CHECK(text.find("the second archive is the older one: what is NEW here was there first") != std::string::npos);
  CHECK(text.find("gone   critical  Open files: 1020 of 1024") != std::string::npos);
}

TEST_CASE("what the new archive did not examine is not said to be gone for sure") {
  Snapshot before = healthy(), after = healthy();
  before.files->count = 1020;
  after.target.pid = 43;
  ArtifactRow limits;
  limits.path = "raw/proc/43/limits";
  after.artifacts = {limits};
  CHECK(difference(before, after).find("gone   critical  Open files: 1020 of 1024 (99 %)\n") != std::string::npos);
  after.artifacts[0].status = Status::kFailed;
  CHECK(difference(before, after).find("(99 %)  (perhaps: not examined this time)\n") != std::string::npos);
}

TEST_CASE("what grew between archives of one process is growth, and a trend when they are many") {
  Snapshot before = healthy(), after = healthy();
  GaugeSeries series;
  for (int i = 0; i < 2; ++i) {
    after.run.started_wall_ns = before.run.started_wall_ns + i * 10 * kMinute;
    after.process.status->rss_bytes = (20 + 5 * static_cast<uint64_t>(i)) * kMiB;
    series.samples.push_back(gauges_of(after));
  }
  std::string text = difference(before, after, series);
  CHECK(text.find("Growth, 2 archives of one process\n") != std::string::npos);
  CHECK(text.find(
            "resident memory              20.0 MiB → 25.0 MiB in 10 min 0 s, 512 KiB a minute between these 2, which "
            "are too few for a trend\n") != std::string::npos);
  CHECK(text.find("descriptors") == std::string::npos);
  CHECK(difference(before, after).find("Growth") == std::string::npos);
}
