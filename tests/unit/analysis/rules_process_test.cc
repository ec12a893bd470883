#include <catch2/catch.hpp>
#include <utility>

#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

TEST_CASE("target-died comes first in the verdict, whatever else is critical") {
  Snapshot s = healthy();
  s.files->count = 1024;
  s.target.death = TargetDeath{"killed by SIGKILL", 210, "cgroup oom_kill rose from 3 to 4"};
  auto findings = analyse(s);
  CHECK(verdict(s, findings).starts_with("redis-server (pid 42) died 210"));
  CHECK(
      verdict(s, findings).find("killed by SIGKILL; cgroup oom_kill rose from 3 to 4; also open files: 1024 of 1024") !=
      std::string::npos);
  s.target.death->how = "replaced by exec";
  CHECK(severity(s, "target-died") == "high");
}

TEST_CASE("target-stopped: stopped, traced, frozen, dumping, ended") {
  Snapshot s = healthy();
  s.process.status->state = 'T';
  CHECK(severity(s, "target-stopped") == "critical");
  s.process.status->state = 't', s.process.status->tracer_pid = 77;
  CHECK(severity(s, "target-stopped") == "critical");
  s.process.status->state = 'S';
  CHECK(severity(s, "target-stopped") == "medium");
  s.process.status->tracer_pid = 0;
  CHECK(severity(s, "target-stopped") == "");
  s.process.status->core_dumping = true;
  CHECK(severity(s, "target-stopped") == "critical");
  s = healthy();
  s.process.cgroup->frozen = true;
  CHECK(severity(s, "target-stopped") == "critical");
  s.process.cgroup->frozen = false;
  CHECK(severity(s, "target-stopped") == "");
  s.process.status->state = 'Z';
  CHECK(severity(s, "target-stopped") == "critical");
}

TEST_CASE("deleted-or-replaced-executable") {
  Snapshot s = healthy();
  s.executable->replaced = true;
  CHECK(severity(s, "deleted-or-replaced-executable") == "low");
  s.executable->deleted = true, s.executable->replaced = false;
  CHECK(severity(s, "deleted-or-replaced-executable") == "medium");
  std::string path = std::exchange(s.executable->path, "/memfd:payload");  // never was on the disk
  CHECK(severity(s, "deleted-or-replaced-executable") == "");
  s.executable->path = path;
  s.executable->deleted = false;
  CHECK(severity(s, "deleted-or-replaced-executable") == "");
  s.executable->changed_libraries = {"/lib/libssl.so.3", "/lib/libcrypto.so.3"};
  auto found = findings_of(s, "deleted-or-replaced-executable");
  REQUIRE(found.size() == 1);
  CHECK(found.front().detail.find("/lib/libssl.so.3 and /lib/libcrypto.so.3") != std::string::npos);
}

TEST_CASE("zombie-children: a few for a moment are ordinary") {
  auto with = [](int count, double age) {
    Snapshot s = healthy();
    for (int i = 0; i < count; ++i) s.process.children->push_back({100 + i, 42, "helper", "", 'Z', 0, age});
    s.process.children->push_back({99, 42, "worker", "", 'S', 0, 3600});
    return severity(s, "zombie-children");
  };
  CHECK(with(4, 3600) == "");
  CHECK(with(5, 1) == "");
  CHECK(with(5, 60) == "low");
  CHECK(with(50, 1) == "medium");
  CHECK(with(1000, 60) == "high");
}

TEST_CASE("suspicious-process: medium facts, and not for compilers at run time") {
  Snapshot s = healthy();
  s.forensics->push_back({"memfd-executable", "/memfd:x", "runs from a memfd", "medium", "raw/proc/42/maps", "line 9"});
  CHECK(severity(s, "suspicious-process") == "medium");
  s.forensics->back().severity = "low";
  CHECK(severity(s, "suspicious-process") == "");
  s.forensics->back() = {"writable-executable-mapping", "[anon]", "rwx", "medium", "raw/proc/42/maps", "line 9"};
  CHECK(severity(s, "suspicious-process") == "medium");
  s.executable->language = "JVM 17.0.15";
  CHECK(severity(s, "suspicious-process") == "");
  s.forensics->back() = {"vanished-executable",  "/memfd:x",          "runs from memory", "medium",
                         "raw/forensics.bundle", "section vanished/9"};
  CHECK(severity(s, "suspicious-process") == "info");  // of another process
}

TEST_CASE("goroutine-pile-up: goroutines that wait for the network are connections") {
  Snapshot s = healthy();
  Endpoint endpoint;
  endpoint.url = "http://127.0.0.1:6060", endpoint.kind = "go-pprof";
  GoRuntime go;
  go.goroutines = 1200;
  endpoint.go = go;
  endpoint.goroutine_groups = {{1100,
                                {"internal/poll.runtime_pollWait", "internal/poll.(*pollDesc).wait", "net.(*conn).Read",
                                 "net/http.(*conn).serve"},
                                ""}};
  s.endpoints = std::vector<Endpoint>{endpoint};
  CHECK(severity(s, "goroutine-pile-up") == "");
  auto& group = s.endpoints->front().goroutine_groups.front();
  group = {999, {"runtime.gopark", "runtime.chansend1", "main.publish"}, "chan send"};
  CHECK(severity(s, "goroutine-pile-up") == "");
  group.count = 1000;
  CHECK(severity(s, "goroutine-pile-up") == "medium");
  CHECK(findings_of(s, "goroutine-pile-up").front().detail.find("1000 of them in one place: main.publish, chan send") !=
        std::string::npos);
  group.count = 10'000, s.endpoints->front().go->goroutines = 10'100;
  CHECK(severity(s, "goroutine-pile-up") == "high");
}

TEST_CASE("log-error-burst: a rate that lasts") {
  Snapshot s = healthy();
  Logs logs;
  logs.lines = 400, logs.error_lines = 100, logs.errors_per_minute = 60, logs.span_seconds = 100;
  logs.digest = {
      {"connect to # failed", 90, "error", "connect to 10.0.0.9 failed. Retrying", "logs/3-error.log", 77, true}};
  s.logs = logs;
  CHECK(severity(s, "log-error-burst") == "medium");
  s.logs->errors_per_minute = 300;
  CHECK(severity(s, "log-error-burst") == "high");
  s.logs->errors_per_minute = 29;
  CHECK(severity(s, "log-error-burst") == "");
  s.logs->errors_per_minute = 6000, s.logs->span_seconds = 1;
  CHECK(severity(s, "log-error-burst") == "");  // one request with many lines
  s.logs->errors_per_minute = std::nullopt, s.logs->lines = 150;
  CHECK(severity(s, "log-error-burst") == "low");  // no times: it may be of last year
  s.logs->error_lines = 19, s.logs->lines = 19;
  CHECK(severity(s, "log-error-burst") == "");
}

TEST_CASE("clock-not-synchronised: gentle where the time may come from outside") {
  Snapshot s = healthy();
  s.host.time_sync->synchronised = false;
  CHECK(severity(s, "clock-not-synchronised") == "low");
  s.host.time_sync->daemon = "chronyd";
  CHECK(severity(s, "clock-not-synchronised") == "medium");
  s.host.virtualisation = "kvm";
  CHECK(severity(s, "clock-not-synchronised") == "low");
  s.host.time_sync->synchronised = true;
  CHECK(severity(s, "clock-not-synchronised") == "");
  s.host.time_sync->offset_ms = -700;
  CHECK(severity(s, "clock-not-synchronised") == "high");
}
