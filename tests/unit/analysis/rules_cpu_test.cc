#include <catch2/catch.hpp>

#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

TEST_CASE("cpu-saturation-host needs a witness that remembers longer than the run") {
  Snapshot s = healthy();
  s.host.cpu->front().idle = 0, s.host.cpu->front().user = 98;
  CHECK(severity(s, "cpu-saturation-host") == "");  // 0.3 s of work, perhaps our own
  s.host.load->load1 = 6;
  CHECK(severity(s, "cpu-saturation-host") == "medium");
  s.host.load->load1 = 16;
  CHECK(severity(s, "cpu-saturation-host") == "high");
  s.host.load->load1 = 0.5;
  s.host.cpu_pressure = pressure(45, 0);
  CHECK(severity(s, "cpu-saturation-host") == "medium");
}

TEST_CASE("cpu-saturation-host: a high load of tasks that wait for disks is something else") {
  Snapshot s = healthy();
  s.host.load->load1 = 30;
  s.host.cpu->front().idle = 10, s.host.cpu->front().iowait = 80, s.host.cpu->front().user = 10;
  CHECK(severity(s, "cpu-saturation-host") == "");
}

TEST_CASE("cpu-saturation-process names the hot thread and its function") {
  Snapshot s = healthy();
  auto& hot = (*s.threads)[1];
  hot.cpu_cores = 0.97, hot.state = 'R', hot.user_cpu_seconds = 1800, hot.age_seconds = 1900;
  s.process.rates->cpu_cores = 1.0;
  Stacks stacks;
  Frame inner, outer;
  inner.symbol = "dictScan", outer.symbol = "main";
  stacks.frames = {inner, outer};
  stacks.stacks = {{{0, 1}, "root"}};
  stacks.threads = {{43, "ptrace", 0, 12, false, ""}};
  s.stacks = stacks;
  auto found = findings_of(s, "cpu-saturation-process");
  REQUIRE(found.size() == 1);
  CHECK(found.front().severity == Severity::kMedium);
  CHECK(found.front().detail.starts_with(
      "Thread bio_close_file (tid 43) of redis-server (pid 42) uses 97 % of one CPU, in dictScan."));
}

TEST_CASE("cpu-saturation-process: a burst in a short run is no finding") {
  Snapshot s = healthy();
  auto& hot = (*s.threads)[0];
  hot.cpu_cores = 1.0, hot.state = 'R', hot.user_cpu_seconds = 20, hot.age_seconds = 3600;
  s.process.rates->cpu_cores = 1.0;
  CHECK(severity(s, "cpu-saturation-process") == "");
  s.process.rates->interval_seconds = 6;  // a long run is its own witness
  CHECK(severity(s, "cpu-saturation-process") == "medium");
  hot.cpu_cores = 0.89;
  CHECK(severity(s, "cpu-saturation-process") == "");
}

TEST_CASE("cpu-saturation-process by the quota, not by the host's CPUs") {
  Snapshot s = healthy();
  s.process.cgroup->cpu_limit_cores = 0.5;
  s.process.rates->cpu_cores = 0.5;
  s.host.load->load1 = 2;
  CHECK(severity(s, "cpu-saturation-process") == "medium");
  s.process.cgroup->cpu_pressure = pressure(60, 60);
  CHECK(severity(s, "cpu-saturation-process") == "high");
  s.process.cgroup->cpu_limit_cores = 2;
  CHECK(severity(s, "cpu-saturation-process") == "");
}

TEST_CASE("cpu-throttled: three periods prove nothing") {
  Snapshot s = healthy();
  auto& cgroup = *s.process.cgroup;
  cgroup.cpu_limit_cores = 1, cgroup.throttled_share = 0.34, cgroup.cpu_periods = 100'000,
  cgroup.cpu_throttled_periods = 100;
  CHECK(severity(s, "cpu-throttled") == "");
  cgroup.cpu_throttled_periods = 6000;
  CHECK(severity(s, "cpu-throttled") == "medium");
  cgroup.throttled_share = 0.8, cgroup.cpu_throttled_periods = 60'000;
  CHECK(severity(s, "cpu-throttled") == "high");
  cgroup.throttled_share = 0;
  CHECK(severity(s, "cpu-throttled") == "low");
  cgroup.cpu_throttled_periods = 100;
  CHECK(severity(s, "cpu-throttled") == "");
}
