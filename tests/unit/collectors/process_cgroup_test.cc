// Limits that a process lives under, from control files of v1 (recorded) and v2 (written after the kernel's document).
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "collector/collectors/process.h"

using namespace ec;

namespace {

std::string read_fixture(const std::string& name) {
  std::ifstream stream(std::string(EC_FIXTURES) + "/" + name, std::ios::binary);
  INFO("fixture " << name);
  REQUIRE(stream);
  return std::string((std::istreambuf_iterator<char>(stream)), {});
}

void add(RawStore& store, const std::string& path, std::string bytes, double at_ms = 0) {
  ArtifactRow row;
  row.path = path;
  row.at_ms = at_ms;
  store.add(row, std::move(bytes));
}

Part<Cgroup> parse(const RawStore& store) {
  Snapshot snapshot;
  snapshot.target.pid = 42;
  parse_cgroup(store, snapshot);
  return snapshot.process.cgroup;
}

// A recorded folder with both readings, taken at these milliseconds of the run.
Part<Cgroup> parse_both(const std::string& folder, double first_ms, double second_ms) {
  RawStore store;
  add(store, "raw/proc/42/cgroup", read_fixture(folder + "/cgroup"));
  add(store, "raw/proc/42/cgroup.bundle", read_fixture(folder + "/cgroup.bundle"), first_ms);
  add(store, "raw/second/proc/42/cgroup.bundle", read_fixture(folder + "/second/cgroup.bundle"), second_ms);
  return parse(store);
}

Part<Cgroup> parse(const std::string& cgroup, const std::string& bundle, const std::string& second = "") {
  RawStore store;
  add(store, "raw/proc/42/cgroup", cgroup);
  add(store, "raw/proc/42/cgroup.bundle", bundle, 100);
  if (!second.empty()) add(store, "raw/second/proc/42/cgroup.bundle", second, 2100);
  return parse(store);
}

std::string bundle(std::initializer_list<std::pair<const char*, const char*>> files) {
  std::string text;
  for (const auto& [name, bytes] : files) append_section(text, name, bytes);
  return text;
}

}  // namespace

TEST_CASE("cgroup v1: the limit above is stricter than the own one") {
  auto cgroup = parse(read_fixture("proc-cgroup-v1/cgroup"), read_fixture("proc-cgroup-v1/cgroup.bundle"));
  REQUIRE(cgroup);
  CHECK(cgroup->version == 1);
  CHECK(cgroup->container_id == "4f1c0e5a9b7d3c2e8f60123456789abcdef0123456789abcdef0123456789abc");
  CHECK(cgroup->unit == "");
  CHECK(cgroup->memory_limit_bytes == 268435456u);
  CHECK(cgroup->memory_current_bytes.value_or(0) > 0);
  CHECK(cgroup->memory_inactive_file_bytes.has_value());
  CHECK(cgroup->memory_peak_bytes >= cgroup->memory_current_bytes);
  CHECK(cgroup->oom_kills == 0u);
  CHECK(cgroup->memory_max_events == 0u);
  CHECK_FALSE(cgroup->memory_high_bytes.has_value());
  CHECK_FALSE(cgroup->swap_limit_bytes.has_value());
  CHECK(cgroup->cpu_limit_cores == Approx(0.2));
  CHECK(cgroup->cpu_periods == 28u);
  CHECK(cgroup->cpu_throttled_periods == 20u);
  CHECK(cgroup->cpu_throttled_us == 1070111u);  // v1 counts nanoseconds
  CHECK_FALSE(cgroup->throttled_share.has_value());
  CHECK(cgroup->pids_limit == 100u);
  CHECK(cgroup->pids_current.value_or(0) > 0);
  CHECK(cgroup->frozen == false);
  CHECK(cgroup->paths.at("cpuset") == "/");
  CHECK(cgroup->files.at("cpu.cfs_quota_us") == "20000");
}

TEST_CASE("cgroup v2 as systemd makes it: a service with limits, in a slice in a slice") {
  auto cgroup = parse_both("proc-cgroup-v2-systemd", 26.365, 595.402);
  REQUIRE(cgroup);
  CHECK(cgroup->version == 2);
  CHECK(cgroup->unit == "limited.service");
  CHECK(cgroup->memory_limit_bytes == 64u << 20);
  CHECK(cgroup->memory_high_bytes == 48u << 20);
  CHECK(cgroup->memory_current_bytes == 7442432u);
  CHECK(cgroup->pids_limit == 20u);
  CHECK(cgroup->pids_current == 2u);
  CHECK(cgroup->cpu_limit_cores == Approx(0.3));
  CHECK(cgroup->throttled_share == Approx(1.0));
  CHECK(cgroup->cpu_cores.value_or(0) == Approx(0.304).margin(0.001));
  CHECK(cgroup->cpu_pressure);
}

TEST_CASE("cgroup v2: limits of the container and of its pod, two readings") {
  auto cgroup = parse_both("proc-cgroup-v2", 100, 2100);
  REQUIRE(cgroup);
  CHECK(cgroup->version == 2);
  CHECK(cgroup->container_id == "0d9a8c7b6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b");
  CHECK(cgroup->unit == "cri-containerd-0d9a8c7b6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b.scope");
  CHECK(cgroup->memory_limit_bytes == 536870912u);
  CHECK(cgroup->memory_high_bytes == 966367641u);
  CHECK(cgroup->memory_current_bytes == 512000000u);
  CHECK(cgroup->memory_inactive_file_bytes == 60000000u);
  CHECK(cgroup->memory_peak_bytes == 536870912u);
  CHECK(cgroup->swap_limit_bytes == 0u);
  CHECK(cgroup->swap_current_bytes == 4096u);
  CHECK(cgroup->oom_kills == 3u);
  CHECK(cgroup->oom_kills_between == 1u);
  CHECK(cgroup->memory_max_events == 4100u);
  CHECK(cgroup->cpu_limit_cores == Approx(1.5));
  CHECK(cgroup->cpu_periods == 1000u);
  CHECK(cgroup->cpu_throttled_us == 52000000u);
  REQUIRE(cgroup->throttled_share.has_value());
  CHECK(*cgroup->throttled_share == Approx(0.75));
  CHECK(*cgroup->throttled_seconds_per_second == Approx(0.75));
  CHECK(cgroup->pids_limit == 1024u);
  CHECK(cgroup->pids_current == 57u);
  CHECK(cgroup->pids_max_events == 2u);
  CHECK(cgroup->frozen == false);
  REQUIRE(cgroup->cpu_pressure);
  CHECK(cgroup->cpu_pressure->some->avg10 == Approx(12.5));
  REQUIRE(cgroup->memory_pressure);
  CHECK(cgroup->memory_pressure->some->avg10 == Approx(3.25));
}

TEST_CASE("cgroup: hybrid takes controllers from v1 and pressure from v2") {
  auto cgroup = parse(
      "4:memory:/a\n3:cpu,cpuacct:/a\n1:name=systemd:/system.slice/web.service\n0::/system.slice/web.service\n",
      bundle({{"memory/a/memory.limit_in_bytes", "1000\n"},
              {"memory/a/memory.usage_in_bytes", "900\n"},
              {"memory/a/memory.memsw.limit_in_bytes", "1500\n"},
              {"cpu,cpuacct/a/cpu.cfs_quota_us", "-1\n"},
              {"cpu,cpuacct/a/cpu.cfs_period_us", "100000\n"},
              {"cpu,cpuacct/cpu.cfs_quota_us", "-1\n"},
              {"unified/system.slice/web.service/io.pressure", "some avg10=2.00 avg60=0.00 avg300=0.00 total=5\n"},
              {"unified/system.slice/web.service/memory.max", "1\n"}}));
  REQUIRE(cgroup);
  CHECK(cgroup->version == 12);
  CHECK(cgroup->unit == "web.service");
  CHECK(cgroup->memory_limit_bytes == 1000u);
  CHECK(cgroup->swap_limit_bytes == 500u);
  CHECK_FALSE(cgroup->cpu_limit_cores.has_value());
  REQUIRE(cgroup->io_pressure);
  CHECK(cgroup->io_pressure->some->avg10 == Approx(2));
  CHECK_FALSE(cgroup->cpu_pressure);
  CHECK_FALSE(cgroup->frozen.has_value());
}

TEST_CASE("cgroup: no limit anywhere gives the own usage and no limit") {
  auto cgroup = parse("0::/a/b\n", bundle({{"unified/a/b/memory.max", "max\n"},
                                           {"unified/a/b/memory.current", "77\n"},
                                           {"unified/a/memory.max", "max\n"},
                                           {"unified/a/memory.current", "99\n"},
                                           {"unified/a/b/cpu.max", "max 100000\n"}}));
  REQUIRE(cgroup);
  CHECK_FALSE(cgroup->memory_limit_bytes.has_value());
  CHECK(cgroup->memory_current_bytes == 77u);
  CHECK_FALSE(cgroup->cpu_limit_cores.has_value());
}

TEST_CASE("cgroup: a frozen ancestor freezes") {
  auto v2 = parse("0::/a/b\n", bundle({{"unified/a/b/cgroup.events", "populated 1\nfrozen 0\n"},
                                       {"unified/a/cgroup.events", "populated 1\nfrozen 1\n"}}));
  REQUIRE(v2);
  CHECK(v2->frozen == true);
  auto v1 = parse("6:freezer:/a/b\n",
                  bundle({{"freezer/a/b/freezer.state", "THAWED\n"}, {"freezer/a/freezer.state", "FREEZING\n"}}));
  REQUIRE(v1);
  CHECK(v1->frozen == true);
}

TEST_CASE("cgroup: malformed control files are left out, a malformed cgroup file is the reason") {
  auto cgroup = parse(
      "0::/a\n",
      bundle({{"unified/a/memory.max", "lots\n"}, {"unified/a/cpu.stat", "nr_periods\n"}, {"unified/a/cpu.max", ""}}));
  REQUIRE(cgroup);
  CHECK_FALSE(cgroup->memory_limit_bytes.has_value());
  CHECK_FALSE(cgroup->cpu_periods.has_value());
  auto broken = parse("0::/a\nbroken\n", "");
  REQUIRE_FALSE(broken);
  CHECK(broken.why().where == "raw/proc/42/cgroup:2");
}

TEST_CASE("cgroup: counters of a second reading that went backwards say nothing") {
  auto cgroup = parse("0::/a\n",
                      bundle({{"unified/a/cpu.stat", "nr_periods 10\nnr_throttled 5\nthrottled_usec 9\n"},
                              {"unified/a/memory.events", "oom_kill 3\n"}}),
                      bundle({{"unified/a/cpu.stat", "nr_periods 1\nnr_throttled 0\nthrottled_usec 0\n"},
                              {"unified/a/memory.events", "oom_kill 0\n"}}));
  REQUIRE(cgroup);
  CHECK_FALSE(cgroup->throttled_share.has_value());
  CHECK_FALSE(cgroup->throttled_seconds_per_second.has_value());
  CHECK_FALSE(cgroup->oom_kills_between.has_value());
}
