#include <catch2/catch.hpp>

#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

TEST_CASE("memory-limit-near judges the working set, without inactive page cache") {
  Snapshot s = healthy();
  s.process.cgroup->memory_current_bytes = kGiB;  // full, but half of it is cache that goes first
  s.process.cgroup->memory_inactive_file_bytes = kGiB / 2;
  CHECK(severity(s, "memory-limit-near") == "");
  s.process.cgroup->memory_inactive_file_bytes = 0;
  CHECK(severity(s, "memory-limit-near") == "critical");
  s.process.cgroup->memory_current_bytes = kGiB * 91 / 100;
  CHECK(severity(s, "memory-limit-near") == "medium");
  s.process.cgroup->memory_current_bytes = kGiB * 89 / 100;
  CHECK(severity(s, "memory-limit-near") == "");
}

TEST_CASE("memory-limit-near: active page cache makes it gentle") {
  Snapshot s = healthy();
  s.process.cgroup->memory_current_bytes = kGiB;
  s.process.cgroup->memory_inactive_file_bytes = 0;
  s.process.cgroup->files["memory.stat"] = "anon 100\nactive_file 536870912\ninactive_file 0";
  CHECK(severity(s, "memory-limit-near") == "low");
}

TEST_CASE("memory-limit-near on cgroup v1: the numbers with total_, and the names of its files") {
  Snapshot s = healthy();
  s.process.cgroup->memory_current_bytes = kGiB;
  s.process.cgroup->memory_inactive_file_bytes = 0;
  s.process.cgroup->files = {{"memory.stat", "active_file 0\ntotal_active_file 536870912"},
                             {"memory.limit_in_bytes", "1073741824"}};
  auto found = findings_of(s, "memory-limit-near");
  REQUIRE(found.size() == 1);
  CHECK(found.front().severity == Severity::kLow);
  CHECK(found.front().evidence.front().locator == "section …/memory.limit_in_bytes");
}

TEST_CASE("memory-limit-near: a limit above the host's memory, or none, says nothing") {
  Snapshot s = healthy();
  s.process.cgroup->memory_limit_bytes = 32 * kGiB;
  s.process.cgroup->memory_current_bytes = 32 * kGiB;
  s.process.cgroup->memory_inactive_file_bytes = 0;
  CHECK(severity(s, "memory-limit-near") == "");
  s.process.cgroup->memory_limit_bytes = std::nullopt;
  CHECK(severity(s, "memory-limit-near") == "");
}

TEST_CASE("memory-limit-near on the host needs few bytes or pressure, not only a small share") {
  Snapshot s = healthy();
  s.host.memory->total = 1024 * kGiB;
  s.host.memory->available = 25 * kGiB;  // 2.4 %, and still 25 GiB
  CHECK(severity(s, "memory-limit-near") == "");
  s.host.memory_pressure = pressure(12, 3);
  CHECK(severity(s, "memory-limit-near") == "critical");
  s = healthy();
  s.host.memory->available = 700 * kMiB;
  CHECK(severity(s, "memory-limit-near") == "high");
  s.host.memory->available = 200 * kMiB;
  CHECK(severity(s, "memory-limit-near") == "critical");
}

TEST_CASE("memory-limit-near: address space") {
  Snapshot s = healthy();
  (*s.process.limits)["Max address space"].soft = kGiB;
  s.process.status->vm_size_bytes = kGiB * 89 / 100;
  CHECK(severity(s, "memory-limit-near") == "");
  s.process.status->vm_size_bytes = kGiB;
  CHECK(severity(s, "memory-limit-near") == "critical");
}

namespace {
OomKill kill_of(int pid, double age, bool ours) {
  return {pid, "java", "/system.slice/app.service", age, 2 * kGiB, ours, "Killed process 77 (java)"};
}
}  // namespace

TEST_CASE("oom-kill-recent by age and by whose cgroup it was") {
  Snapshot s = healthy();
  auto with = [&](OomKill kill) {
    s.host.oom_kills = std::vector<OomKill>{kill};
    return severity(s, "oom-kill-recent");
  };
  CHECK(with(kill_of(77, 60, true)) == "critical");
  CHECK(with(kill_of(77, 1800, true)) == "high");
  CHECK(with(kill_of(77, 7200, true)) == "medium");
  CHECK(with(kill_of(77, 60, false)) == "high");
  CHECK(with(kill_of(77, 1800, false)) == "medium");
  CHECK(with(kill_of(77, 7200, false)) == "low");
  CHECK(with(kill_of(77, 86401, true)) == "");
  // Another cgroup at its own limit says nothing about this host.
  OomKill elsewhere = kill_of(77, 60, false);
  elsewhere.line = "Memory cgroup out of memory: Killed process 77 (python3)";
  CHECK(with(elsewhere) == "low");
  elsewhere.of_target_cgroup = true;
  CHECK(with(elsewhere) == "critical");
}

TEST_CASE("oom-kill-recent: the worst of several leads") {
  Snapshot s = healthy();
  s.host.oom_kills = std::vector<OomKill>{kill_of(78, 4000, false), kill_of(77, 5000, true)};
  auto found = findings_of(s, "oom-kill-recent");
  REQUIRE(found.size() == 1);
  CHECK(found.front().title.find("pid 77") != std::string::npos);
  CHECK(found.front().evidence.size() == 2);
}

TEST_CASE("oom-kill-recent from the counters when the log does not tell") {
  Snapshot s = healthy();
  s.process.cgroup->oom_kills = 2;
  CHECK(severity(s, "oom-kill-recent") == "medium");
  s.process.cgroup->oom_kills_between = 1;
  CHECK(severity(s, "oom-kill-recent") == "critical");
  CHECK(findings_of(s, "oom-kill-recent").size() == 1);
  s = healthy();
  s.host.vm->oom_kills = 1;
  CHECK(severity(s, "oom-kill-recent") == "critical");
}

TEST_CASE("swap-thrash needs swapping in and somebody who feels it") {
  Snapshot s = healthy();
  s.host.vm->swap_in = 5000, s.host.vm->swap_out = 5000;
  CHECK(severity(s, "swap-thrash") == "");  // no pressure
  s.host.memory_pressure = pressure(15, 5);
  CHECK(severity(s, "swap-thrash") == "medium");
  s.host.memory_pressure = pressure(60, 45);
  CHECK(severity(s, "swap-thrash") == "critical");
  s.host.vm->swap_in = 249;  // only making room
  CHECK(severity(s, "swap-thrash") == "");
  s.host.vm->swap_in = 5000, s.host.vm->major_faults = 500;
  s.host.memory_pressure = Error{ErrorCode::kUnsupported, "/proc/pressure/memory", "no PSI", 0};
  CHECK(severity(s, "swap-thrash") == "medium");  // an old kernel: major faults are the witness
}
