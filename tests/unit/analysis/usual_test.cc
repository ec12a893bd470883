#include "collector/analysis/usual.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

namespace {

Figure figure(std::string key, double value) { return {std::move(key), "Target", "", "", value, ""}; }

Baseline baseline_of(const std::string& key, const std::vector<double>& values) {
  BaselineBuilder builder;
  for (double value : values) builder.add("a", {figure(key, value)});
  return std::move(builder).finish();
}

Snapshot with_threads(uint64_t threads, const std::vector<double>& before) {
  Snapshot s = healthy();
  s.process.status->threads = threads;
  s.baseline = baseline_of("process.threads", before);
  return s;
}
std::string severity_of_threads(uint64_t threads, const std::vector<double>& before) {
  auto found = unusual_figures(with_threads(threads, before));
  return found.empty() ? "usual" : std::string(to_string(found.front().severity));
}

}  // namespace

TEST_CASE("a baseline is mean and deviation of each figure that is compared") {
  auto baseline = baseline_of("process.threads", {10, 12, 14});
  auto& usual = baseline.figures.at("process.threads");
  CHECK(usual.count == 3);
  CHECK(usual.mean == Approx(12));
  CHECK(usual.deviation == Approx(2));
  CHECK(baseline_of("process.threads", {7}).figures.at("process.threads").deviation == 0);
  CHECK(baseline_of("host.uptime_seconds", {7}).figures.empty());
  CHECK(baseline_of("process.threads", {std::nan("")}).figures.empty());
}

TEST_CASE("severity is by how far above the usual a figure is") {
  CHECK(severity_of_threads(100, {99, 101}) == "usual");
  CHECK(severity_of_threads(140, {99, 101}) == "usual");
  CHECK(severity_of_threads(150, {99, 101}) == "low");
  CHECK(severity_of_threads(200, {99, 101}) == "medium");
  CHECK(severity_of_threads(300, {99, 101}) == "high");
  CHECK(severity_of_threads(30, {99, 101}) == "usual");
}

TEST_CASE("what always goes up and down is usual") {
  CHECK(severity_of_threads(210, {20, 180, 100}) == "usual");
  CHECK(severity_of_threads(400, {20, 180, 100}) == "high");
}

TEST_CASE("a difference that does not matter is none, however many times it is") {
  CHECK(severity_of_threads(6, {2, 2}) == "usual");
  Snapshot s = with_threads(40, {0, 0});
  auto found = unusual_figures(s);
  REQUIRE(found.size() == 1);
  CHECK(std::isinf(found[0].times));
  CHECK(unusual_words(found[0]) == "threads: 40; usually 0 ± 0, it was nothing");
}

TEST_CASE("of memory that is available less is worse") {
  Snapshot s = healthy();
  s.baseline = baseline_of("host.memory_available", {12.0 * kGiB, 12.0 * kGiB});
  CHECK(unusual_figures(s).empty());
  s.host.memory->available = 3 * kGiB;
  auto found = unusual_figures(s);
  REQUIRE(found.size() == 1);
  CHECK(found[0].lower);
  CHECK(found[0].severity == Severity::kHigh);
  CHECK(unusual_words(found[0]) ==
        "memory: 3.0 GiB of 16.0 GiB available (19 %); usually 12.0 GiB ± 0 B, 4.0 times less");
  s.host.memory->available = 16 * kGiB;
  CHECK(unusual_figures(s).empty());
}

TEST_CASE("the worst stands first, with a suggestion") {
  Snapshot s = with_threads(40, {20, 20});
  s.files->count = 500;
  BaselineBuilder builder;
  builder.add("old.tar.zst", {figure("process.threads", 20), figure("process.open_files", 50)});
  s.baseline = std::move(builder).finish();
  auto found = unusual_figures(s);
  REQUIRE(found.size() == 2);
  CHECK(found[0].figure.key == "process.open_files");
  CHECK(found[0].suggestion.find("process/open_files.txt") != std::string::npos);
  CHECK(unusual_words(found[1]) == "threads: 40; usually 20, 2.0 times as much");
}

TEST_CASE("a baseline is written and read again") {
  BaselineBuilder builder;
  builder.add("one\ntwo.tar.zst", {figure("process.threads", 1.0 / 3), figure("process.open_files", 50)});
  builder.add("b", {figure("process.threads", 7)});
  auto baseline = std::move(builder).finish();
  auto again = parse_baseline("raw/baseline", baseline_text(baseline));
  REQUIRE(again);
  CHECK(again->archives == std::vector<std::string>{"one two.tar.zst", "b"});
  CHECK(again->figures.at("process.threads").mean == baseline.figures.at("process.threads").mean);
  CHECK(again->figures.at("process.threads").deviation == baseline.figures.at("process.threads").deviation);
  CHECK(again->figures.at("process.open_files").count == 1);
}

TEST_CASE("a baseline that is malformed names its line") {
  CHECK(parse_baseline("b", "archive x\nfigure k 1 nan 0\n").error().where == "b:2");
  CHECK(parse_baseline("b", "figure k 1 2\n").error().where == "b:1");
  CHECK(parse_baseline("b", "figure k 1 2 -1\n").error().where == "b:1");
  std::string many;
  for (int i = 0; i < 1100; ++i) many += "archive x\n";
  CHECK_FALSE(parse_baseline("b", many));
}
