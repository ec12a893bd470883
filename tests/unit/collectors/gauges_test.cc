#include "collector/collectors/gauges.h"

#include <catch2/catch.hpp>

#include "collector/base/bundle.h"

using namespace ec;

namespace {

// Fields 1 to 24 of proc_pid_stat(5), recorded from a redis-server; 20 is the number of threads.
std::string stat_with_threads(int threads) {
  return "42 (redis ) server) S 1 42 42 0 -1 4194624 100 0 0 0 5 6 0 0 20 0 " + std::to_string(threads) +
         " 0 1000 104857600 5120\n";
}

Snapshot parsed(const std::vector<std::pair<std::string, std::string>>& sections) {
  std::string bundle;
  for (const auto& [name, bytes] : sections) append_section(bundle, name, bytes);
  RawStore store;
  ArtifactRow row;
  row.path = "raw/gauges.bundle";
  store.add(row, bundle);
  Snapshot snapshot;
  snapshot.target.pid = 42;
  parse_gauges(store, snapshot);
  return snapshot;
}
double at(const GaugeSample& sample, Gauge gauge) { return sample.value[static_cast<size_t>(gauge)].value_or(-1); }

}  // namespace

TEST_CASE("samples have what was read, and nothing in the place of what was not") {
  Snapshot snapshot = parsed({{"plan", "samples 3\nevery_ns 500000000\n"},
                              {"1/stat", stat_with_threads(4)},
                              {"1/statm", "25600 5120 1024 200 0 9000 0\n"},
                              {"1/fd", "17"},
                              {"1/memory.current", "104857600\n"},
                              {"1/goroutines", "33"},
                              {"1/at", "12"},
                              {"2/stat", stat_with_threads(5)},
                              {"2/at", "500000012"}});
  REQUIRE(snapshot.gauges);
  const GaugeSeries& series = *snapshot.gauges;
  CHECK(series.asked == 3);
  CHECK(series.every_ns == 500'000'000);
  REQUIRE(series.samples.size() == 2);
  const GaugeSample& first = series.samples[0];
  CHECK(first.at_ns == 12);
  CHECK(at(first, Gauge::kThreads) == 4);
  CHECK(at(first, Gauge::kRss) == 5120 * 4096);
  CHECK(at(first, Gauge::kAnonymous) == 4096 * 4096);
  CHECK(at(first, Gauge::kDescriptors) == 17);
  CHECK(at(first, Gauge::kCgroupMemory) == 104857600);
  CHECK(at(first, Gauge::kGoroutines) == 33);
  CHECK(at(first, Gauge::kHeap) == -1);
  CHECK(at(series.samples[1], Gauge::kThreads) == 5);
  CHECK(at(series.samples[1], Gauge::kRss) == -1);
  CHECK_FALSE(series.mappings);
}

TEST_CASE("what is malformed is left out") {
  Snapshot snapshot = parsed({{"plan", "samples -3\nevery_ns x\n"},
                              {"1/fd", "many"},
                              {"1/statm", "1\n"},
                              {"1/stat", "nonsense"},
                              {"x/fd", "3"},
                              {"99999999999999999999/fd", "3"},
                              {"fd", "3"}});
  REQUIRE(snapshot.gauges);
  CHECK(snapshot.gauges->asked == 0);
  REQUIRE(snapshot.gauges->samples.size() == 1);
  for (const auto& value : snapshot.gauges->samples[0].value) CHECK_FALSE(value);
  CHECK_FALSE(parsed({}).gauges);
}

TEST_CASE("nobody asked for a series of gauges") {
  Snapshot snapshot;
  parse_gauges(RawStore{}, snapshot);
  CHECK_FALSE(snapshot.gauges);
  CHECK(snapshot.gauges.why().code == ErrorCode::kNotFound);
}
