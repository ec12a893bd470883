#include <catch2/catch.hpp>
#include <functional>

#include "collector/analysis/growth.h"
#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

namespace {

// A sample each minute.
void add_series(Snapshot& s, Gauge gauge, size_t count, const std::function<double(double)>& value) {
  if (!s.gauges) s.gauges = GaugeSeries{};
  s.gauges->asked = count;
  s.gauges->every_ns = 60'000'000'000;
  s.gauges->samples.resize(count);
  for (size_t i = 0; i < count; ++i) {
    GaugeSample& sample = s.gauges->samples[i];
    sample.at_ns = static_cast<int64_t>(i) * 60'000'000'000;
    sample.value[static_cast<size_t>(gauge)] = value(static_cast<double>(i));
  }
}

Snapshot with_series(Gauge gauge, size_t count, const std::function<double(double)>& value) {
  Snapshot s = healthy();
  add_series(s, gauge, count, value);
  return s;
}

const Finding* find(const std::vector<Finding>& findings, std::string_view id) {
  for (const Finding& finding : findings)
    if (finding.id == id) return &finding;
  return nullptr;
}
size_t above_info(const std::vector<Finding>& findings) {
  return static_cast<size_t>(
      std::count_if(findings.begin(), findings.end(), [](const auto& f) { return f.severity != Severity::kInfo; }));
}
bool cites(const Finding& finding, std::string_view text) {
  return std::any_of(finding.evidence.begin(), finding.evidence.end(),
                     [&](const Evidence& e) { return e.excerpt.find(text) != std::string::npos; });
}

Mapping mapping(std::string name, uint64_t begin, uint64_t end) {
  Mapping m;
  m.begin = begin, m.end = end, m.writable = m.readable = true, m.name = std::move(name);
  return m;
}

}  // namespace

TEST_CASE("memory that grows is a leak suspect, with pace and time until the limit") {
  Snapshot s = with_series(Gauge::kAnonymous, 10, [](double i) { return (100 + 5 * i) * kMiB; });
  add_series(s, Gauge::kRss, 10, [](double i) { return (120 + 5 * i) * kMiB; });
  auto findings = analyse(s);
  auto* finding = find(findings, "memory-leak-suspect");
  REQUIRE(finding);
  CHECK(above_info(findings) == 1);
  CHECK(finding->severity == Severity::kMedium);
  CHECK(finding->title == "Memory grows: 100 MiB to 145 MiB in 9 min 0 s");
  // 1 GiB less the 50 MiB in use that are no page cache, at 5 MiB a minute.
  CHECK(
      finding->detail ==
      "redis-server (pid 42) takes more and more memory: it grew from 100 MiB to 145 MiB in 10 samples over 9 min 0 s, "
      "by "
      "about 5.0 MiB a minute, without coming to an end. At this pace it meets the limit of its cgroup, 1.0 GiB in 3 h "
      "14 min. A cache that is still filling looks the same; a longer series (--samples 30 --every 10) tells them "
      "apart.");
  REQUIRE(finding->evidence.size() == 2);
  CHECK(finding->evidence[0].artifact == "process/gauges.txt");
  CHECK(finding->evidence[0].locator == "row \"anonymous memory\"");
  CHECK(finding->evidence[0].excerpt ==
        "100 MiB → 145 MiB in 9 min 0 s, growing by 5.0 MiB a minute (5.0 MiB … 5.0 MiB)");
}

TEST_CASE("the sooner the limit is met, the worse") {
  auto severity = [](double mib_a_minute) {
    Snapshot s = with_series(Gauge::kAnonymous, 10, [&](double i) { return (100 + mib_a_minute * i) * kMiB; });
    auto findings = analyse(s);
    auto* finding = find(findings, "memory-leak-suspect");
    return finding ? to_string(finding->severity) : "none";
  };
  CHECK(severity(2000) == "critical");
  CHECK(severity(200) == "high");
  CHECK(severity(2) == "medium");
  CHECK(severity(0.05) == "none");
}

TEST_CASE("pages of files that are mapped are no leak") {
  Snapshot s = with_series(Gauge::kRss, 10, [](double i) { return (100 + 50 * i) * kMiB; });
  add_series(s, Gauge::kAnonymous, 10, [](double) { return 50.0 * kMiB; });
  CHECK(above_info(analyse(s)) == 0);
}

TEST_CASE("a cache that filled, a saw-tooth and a short series are no findings") {
  CHECK(above_info(analyse(
            with_series(Gauge::kAnonymous, 10, [](double i) { return (100 + 20 * std::min(i, 5.0)) * kMiB; }))) == 0);
  CHECK(above_info(analyse(with_series(Gauge::kAnonymous, 20, [](double i) {
          return (100 + 30 * static_cast<double>(static_cast<int>(i) % 4)) * kMiB;
        }))) == 0);
  Snapshot two = with_series(Gauge::kAnonymous, 2, [](double i) { return (100 + 100 * i) * kMiB; });
  CHECK(above_info(analyse(two)) == 0);
  auto figures_of_two = figures(two);
  REQUIRE(figures_of_two.back().key == "growth.anonymous_bytes");
  CHECK(figures_of_two.back().text ==
        "100 MiB → 200 MiB in 1 min 0 s, 100 MiB a minute between these 2, which are too few for a trend");
}

TEST_CASE("a heap that does not grow says where the memory is not") {
  Snapshot s = with_series(Gauge::kAnonymous, 10, [](double i) { return (100 + 5 * i) * kMiB; });
  add_series(s, Gauge::kHeap, 10, [](double) { return 30.0 * kMiB; });
  auto findings = analyse(s);
  auto* finding = find(findings, "memory-leak-suspect");
  REQUIRE(finding);
  CHECK(finding->detail.find("The heap of its runtime does not grow") != std::string::npos);
  // And one that grows inside memory that was there already is enough.
  Snapshot inside = with_series(Gauge::kHeap, 10, [](double i) { return (30 + 5 * i) * kMiB; });
  add_series(inside, Gauge::kAnonymous, 10, [](double) { return 200.0 * kMiB; });
  auto of_inside = analyse(inside);
  CHECK(find(of_inside, "memory-leak-suspect"));
}

TEST_CASE("the mappings that grew are named") {
  Snapshot s = with_series(Gauge::kAnonymous, 10, [](double i) { return (100 + 5 * i) * kMiB; });
  s.process.mappings = std::vector<Mapping>{mapping("[heap]", 0x1000, 0x2000), mapping("", 0x10000, 0x20000),
                                            mapping("/usr/lib/x.so", 0x30000, 0x31000)};
  s.gauges->mappings = std::vector<Mapping>{mapping("[heap]", 0x1000, 0x2000 + 9 * kMiB), mapping("", 0x10000, 0x20000),
                                            mapping("", 0x40000, 0x50000), mapping("/usr/lib/x.so", 0x30000, 0x31000)};
  auto grown = grown_mappings(s);
  REQUIRE(grown.size() == 2);
  CHECK(grown[0].name == "[heap]");
  CHECK(grown[0].bytes == 9 * kMiB);
  CHECK(grown[1].name == "anonymous mappings");
  auto findings = analyse(s);
  CHECK(cites(*find(findings, "memory-leak-suspect"), "[heap] by 9.0 MiB"));
}

TEST_CASE("descriptors, threads and goroutines that grow have findings of their own") {
  Snapshot s = with_series(Gauge::kDescriptors, 10, [](double i) { return 20 + 10 * i; });
  add_series(s, Gauge::kThreads, 10, [](double i) { return 4 + 2 * i; });
  add_series(s, Gauge::kGoroutines, 10, [](double i) { return 50 + 30 * i; });
  auto findings = analyse(s);
  REQUIRE(find(findings, "descriptor-leak"));
  CHECK(find(findings, "descriptor-leak")->title == "Descriptors grow: 20 to 110 in 9 min 0 s");
  CHECK(find(findings, "descriptor-leak")->detail.find("its limit of open files, 1024 in 1 h 31 min") !=
        std::string::npos);
  REQUIRE(find(findings, "thread-growth"));
  CHECK(find(findings, "thread-growth")->detail.find("the limit of tasks in its cgroup, 1000") != std::string::npos);
  REQUIRE(find(findings, "goroutine-growth"));
  CHECK(find(findings, "goroutine-growth")->detail.find("meets") == std::string::npos);
}

TEST_CASE("archives of one process are a series too") {
  Snapshot s = healthy();
  GaugeSeries series;
  for (int i = 0; i < 8; ++i) {
    s.run.started_wall_ns = 1'795'211'198'000'000'000 + i * 600'000'000'000;
    s.process.status->rss_bytes = (20 + static_cast<uint64_t>(i)) * kMiB;
    series.samples.push_back(gauges_of(s));
  }
  auto all = growths(series, s);
  REQUIRE(growth_of(all, Gauge::kRss));
  CHECK(growth_words(*growth_of(all, Gauge::kRss)) ==
        "20.0 MiB → 27.0 MiB in 1 h 10 min, growing by 102 KiB a minute (102 KiB … 102 KiB)");
  CHECK(growth_words(*growth_of(all, Gauge::kThreads)) == "4 in 1 h 10 min, steady");
  CHECK(growth_of(all, Gauge::kDescriptors)->trend.kind == Trend::Kind::kSteady);
}

TEST_CASE("a pool that was made larger once is no growth") {
  CHECK(above_info(analyse(with_series(Gauge::kThreads, 10, [](double i) { return i < 5 ? 8.0 : 64.0; }))) == 0);
  CHECK(above_info(analyse(with_series(Gauge::kDescriptors, 10, [](double i) { return 20 + i * 0.2; }))) == 0);
}
