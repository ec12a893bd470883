#include <catch2/catch.hpp>

#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

TEST_CASE("a healthy idle machine gives no finding above info") {
  auto findings = analyse(healthy());
  for (auto& finding : findings) CHECK(finding.severity == Severity::kInfo);
  CHECK(verdict(healthy(), findings) ==
        "Nothing stands out: redis-server (pid 42) shows no sign of trouble that the rules know.");
}

TEST_CASE("an empty snapshot, with and without a target, gives no finding") {
  Snapshot empty;
  CHECK(analyse(empty).empty());
  empty.target.pid = 7;
  CHECK(analyse(empty).empty());
}

TEST_CASE("every finding of every rule cites evidence, and a sentence") {
  Snapshot s = healthy();
  s.files->count = 1024;
  s.process.cgroup->memory_current_bytes = kGiB;
  s.host.pids_used = uint64_t{119'999};
  s.target.death = TargetDeath{"killed by SIGKILL", 120, ""};
  auto findings = analyse(s);
  REQUIRE(findings.size() >= 4);
  for (auto& finding : findings) {
    INFO(finding.id);
    CHECK_FALSE(finding.evidence.empty());
    CHECK(finding.detail.ends_with("."));
    for (auto& evidence : finding.evidence) CHECK_FALSE(evidence.artifact.empty());
  }
}

TEST_CASE("findings come in order of severity") {
  Snapshot s = healthy();
  s.files->count = 1024;
  s.host.time_sync->synchronised = false;
  s.process.cgroup->memory_current_bytes = kGiB - 100 * kMiB + 60 * kMiB;
  auto findings = analyse(s);
  CHECK(std::is_sorted(findings.begin(), findings.end(), [](auto& a, auto& b) { return a.severity < b.severity; }));
}

TEST_CASE("fd-exhaustion: shares of the soft limit") {
  Snapshot s = healthy();
  auto at = [&](uint64_t open) {
    s.files->count = open;
    return severity(s, "fd-exhaustion");
  };
  CHECK(at(819) == "");
  CHECK(at(820) == "medium");
  CHECK(at(922) == "high");
  CHECK(at(1003) == "high");
  CHECK(at(1004) == "critical");
}

TEST_CASE("fd-exhaustion says what most of them are, in one sentence") {
  Snapshot s = healthy();
  for (int i = 0; i < 961; ++i) add_socket(*s.files, tcp("CLOSE_WAIT", "10.0.0.1:6379", "10.0.0.9:1000"));
  s.files->count = 1018;
  auto findings = analyse(s);
  CHECK(verdict(s, findings) ==
        "redis-server (pid 42) is out of file descriptors: 1018 of 1024 are open, 961 of them TCP connections in "
        "CLOSE_WAIT.");
  CHECK(findings.front().title == "Open files: 1018 of 1024 (99 %)");
  CHECK(findings.front().evidence.front().artifact == "raw/proc/42/limits");
  CHECK(findings.front().evidence.front().excerpt == "Max open files            1024                 524288");
}

TEST_CASE("fd-exhaustion: no limit, or an unlimited one, says nothing") {
  Snapshot s = healthy();
  s.files->count = 1'000'000;
  (*s.process.limits)["Max open files"].soft = std::nullopt;
  CHECK(severity(s, "fd-exhaustion") == "");
  s.process.limits = Error{ErrorCode::kDenied, "/proc/42/limits", "", 13};
  CHECK(severity(s, "fd-exhaustion") == "");
}

TEST_CASE("fd-exhaustion of the host") {
  Snapshot s = healthy();
  s.host.files_open = uint64_t{799'999};
  CHECK(severity(s, "fd-exhaustion") == "");
  s.host.files_open = uint64_t{990'000};
  CHECK(severity(s, "fd-exhaustion") == "critical");
}

TEST_CASE("thread-exhaustion counts the threads of the user, and not for root") {
  Snapshot s = healthy();
  s.host.processes->front().threads = 5000;
  s.host.processes->push_back(s.host.processes->front());
  s.host.processes->back().pid = 43;
  CHECK(severity(s, "thread-exhaustion") == "critical");
  s.process.status->uid = 0;
  CHECK(severity(s, "thread-exhaustion") == "");
  s.process.status->uid = 100;
  s.host.processes->back().user = "somebody";
  CHECK(severity(s, "thread-exhaustion") == "");
}

TEST_CASE("thread-exhaustion by threads-max and by mappings") {
  Snapshot s = healthy();
  s.host.pids_used = uint64_t{95'999};
  CHECK(severity(s, "thread-exhaustion") == "");
  s.host.pids_used = uint64_t{96'000};
  CHECK(severity(s, "thread-exhaustion") == "medium");
  s = healthy();
  s.process.mappings = std::vector<Mapping>(58'976);
  CHECK(severity(s, "thread-exhaustion") == "");
  s.process.mappings = std::vector<Mapping>(65'000);
  CHECK(severity(s, "thread-exhaustion") == "critical");
}

TEST_CASE("pid-exhaustion of the cgroup and of the host") {
  Snapshot s = healthy();
  s.process.cgroup->pids_current = 799;
  CHECK(severity(s, "pid-exhaustion") == "");
  s.process.cgroup->pids_current = 800;
  CHECK(severity(s, "pid-exhaustion") == "medium");
  s.process.cgroup->pids_current = 1000;
  s.process.cgroup->pids_max_events = 12;
  CHECK(severity(s, "pid-exhaustion") == "critical");
  s = healthy();
  s.host.pids_limit = uint64_t{210};
  CHECK(severity(s, "pid-exhaustion") == "high");
}
