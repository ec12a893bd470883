#include "collector/collectors/runner.h"

#include <grp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <map>

#include "collector/base/bundle.h"
#include "tests/support/place.h"

using namespace ec;

namespace {

struct Recorded : RunnerListener {
  std::map<std::string, std::pair<ArtifactRow, std::string>> artifacts;
  std::vector<std::string> log;
  void artifact(ArtifactRow row, std::string bytes, Redact) override {
    std::string path = row.path;
    artifacts[path] = {std::move(row), std::move(bytes)};
  }
  void progress(const Collector& collector, Reading, Progress progress) override {
    constexpr const char* kWords[] = {"started", "ended", "timed out", "crashed"};
    log.push_back(std::string(collector.name) + " " + kWords[static_cast<int>(progress)]);
  }
};

Collector collector(std::string_view name, void (*gather)(GatherContext&), milliseconds budget = milliseconds(5000),
                    Lane lane = Lane::kRisky) {
  return {name, "summary", "source", 1, Tier::kT0, lane, budget, 1 << 20, "", "", false, false, false, gather, nullptr};
}

void hang() {
  while (true) pause();
}

Recorded run(const std::vector<Collector>& collectors, Deadline deadline = Deadline::in(std::chrono::seconds(20))) {
  RunOptions options;
  Recorded recorded;
  Runner runner(nullptr, options, Clock::now(), recorded);
  std::vector<Step> steps;
  for (const Collector& c : collectors) steps.push_back({&c, Reading::kFirst, {}});
  runner.start(std::move(steps), deadline);
  runner.pump(Deadline::in(std::chrono::seconds(30)), {}, [] { return false; });
  CHECK(runner.idle());
  return recorded;
}

}  // namespace

TEST_CASE("artifacts and bundles arrive whole") {
  auto recorded = run({collector("one", [](GatherContext& context) {
    context.out.artifact("raw/a", "/a", std::string_view("x\0y", 3));
    context.out.partial("raw/b", "/b", "half", "cut");
    context.out.failed("raw/c", "/c", Error{ErrorCode::kDenied, "/c", "", EACCES}, "be root");
    context.out.section("raw/d.bundle", "1/stat", "==> fake 3 <==\n");
    context.out.failed_section("raw/d.bundle", "2/stat", Error{ErrorCode::kGone, "2/stat", "", ESRCH});
  })});
  CHECK(recorded.artifacts["raw/a"].second == std::string("x\0y", 3));
  CHECK(recorded.artifacts["raw/a"].first.collector == "one");
  CHECK(recorded.artifacts["raw/b"].first.status == Status::kPartial);
  CHECK(recorded.artifacts["raw/c"].first.status == Status::kFailed);
  CHECK(recorded.artifacts["raw/c"].first.fix == "be root");
  auto sections = parse_bundle(recorded.artifacts["raw/d.bundle"].second);
  REQUIRE(sections.size() == 2);
  CHECK(sections[0].bytes == "==> fake 3 <==\n");
  CHECK(sections[1].failed);
  CHECK(sections[1].error.code == ErrorCode::kGone);
  CHECK(sections[1].error.sys_errno == ESRCH);
  CHECK(recorded.log == std::vector<std::string>{"one started", "one ended"});
}

TEST_CASE("a hang on one item costs that item, and the collector goes on behind it") {
  auto recorded = run({collector("mounts",
                                 [](GatherContext& context) {
                                   bool behind = context.hung.empty();
                                   for (std::string mount : {"/a", "/stuck", "/z"}) {
                                     if (!behind) {
                                       behind = mount == context.hung.back();
                                       continue;
                                     }
                                     context.out.touch(mount, true);
                                     if (mount == "/stuck") hang();
                                     context.out.section("raw/mounts.bundle", mount, "fine");
                                   }
                                 }),
                       collector("next", [](GatherContext& context) { context.out.artifact("raw/next", "n", "n"); })});
  auto sections = parse_bundle(recorded.artifacts["raw/mounts.bundle"].second);
  REQUIRE(sections.size() == 2);
  CHECK(sections[0].name == "/a");
  CHECK(sections[1].name == "/z");
  REQUIRE(recorded.artifacts.count("raw/mounts"));
  CHECK(recorded.artifacts["raw/mounts"].first.status == Status::kTimeout);
  CHECK(recorded.artifacts["raw/mounts"].first.source == "/stuck");
  CHECK(recorded.artifacts.count("raw/next"));
}

TEST_CASE("a collector that hangs again on the same touch is given up") {
  auto recorded = run({collector("stubborn",
                                 [](GatherContext& context) {
                                   context.out.section("raw/s.bundle", "before", "kept");
                                   context.out.touch("/proc/1/maps", true);
                                   hang();
                                 }),
                       collector("next", [](GatherContext& context) { context.out.artifact("raw/next", "n", "n"); })});
  CHECK(recorded.artifacts["raw/proc/1/maps"].first.status == Status::kTimeout);
  CHECK(recorded.artifacts["raw/s.bundle"].first.status == Status::kPartial);
  CHECK(recorded.artifacts.count("raw/next"));
  CHECK(recorded.log.back() == "next ended");
}

TEST_CASE("a crash costs only what was being read") {
  auto recorded = run({collector("crashing",
                                 [](GatherContext& context) {
                                   context.out.artifact("raw/before", "b", "b");
                                   context.out.touch("/proc/1/auxv", true);
                                   raise(SIGKILL);
                                 }),
                       collector("next", [](GatherContext& context) { context.out.artifact("raw/next", "n", "n"); })});
  CHECK(recorded.artifacts.count("raw/before"));
  CHECK(recorded.artifacts["raw/proc/1/auxv"].first.status == Status::kFailed);
  CHECK(recorded.artifacts["raw/proc/1/auxv"].first.reason.find("signal 9") != std::string::npos);
  CHECK(recorded.artifacts.count("raw/next"));
}

TEST_CASE("a collector over its budget is ended, what it had is kept") {
  auto recorded = run({collector(
                           "slow",
                           [](GatherContext& context) {
                             context.out.artifact("raw/early", "e", std::string(64 * 1024, 'e'));
                             hang();
                           },
                           milliseconds(50)),
                       collector("next", [](GatherContext& context) { context.out.artifact("raw/next", "n", "n"); })});
  CHECK(recorded.artifacts.count("raw/early"));
  CHECK(recorded.artifacts["raw/slow"].first.status == Status::kTimeout);
  CHECK(recorded.artifacts.count("raw/next"));
}

TEST_CASE("the deadline of the run ends everything, each step with its reason") {
  auto recorded = run({collector("hanging", [](GatherContext&) { hang(); }), collector("never", [](GatherContext&) {})},
                      Deadline::in(milliseconds(100)));
  CHECK(recorded.artifacts["raw/hanging"].first.reason == "the deadline of the run passed");
  CHECK(recorded.artifacts["raw/never"].first.reason == "the deadline of the run passed");
}

TEST_CASE("second readings wait for their time") {
  RunOptions options;
  Recorded recorded;
  auto started = Clock::now();
  Runner runner(nullptr, options, started, recorded);
  Collector c = collector(
      "rate", [](GatherContext& context) { context.out.artifact(raw_path(context.reading, "counter"), "c", "1"); });
  runner.start({{&c, Reading::kFirst, {}}, {&c, Reading::kSecond, started + milliseconds(60)}}, Deadline::never());
  runner.pump(Deadline::in(std::chrono::seconds(20)), {}, [] { return false; });
  RawStore store;
  for (auto& [path, artifact] : recorded.artifacts) store.add(artifact.first, artifact.second);
  CHECK(latest_reading(store, "counter") == Reading::kSecond);
  CHECK(interval_seconds(store, "counter") > 0.03);
}

TEST_CASE("without a process to spare, what is safe is done here and the rest is said to be skipped") {
  if (test::is_root() && !test::may_become_nobody()) return test::not_run_here("needs a second user");
  // An ordinary user whose limit of processes is used up: the test's own verdict comes back as an exit status.
  pid_t child = fork();
  if (child == 0) {
    if (getuid() == 0) {
      setgroups(0, nullptr);
      if (setgid(54321) != 0 || setuid(54321) != 0) _exit(10);
    }
    rlimit none{0, 0};
    setrlimit(RLIMIT_NPROC, &none);
    RunOptions options;
    Recorded recorded;
    Runner runner(nullptr, options, Clock::now(), recorded);
    Collector safe = collector(
        "safe", [](GatherContext& c) { c.out.artifact("raw/safe", "s", "s"); }, milliseconds(1000), Lane::kMain);
    Collector risky = collector("risky", [](GatherContext& c) { c.out.artifact("raw/risky-bytes", "s", "s"); });
    runner.start({{&safe, Reading::kFirst, {}}, {&risky, Reading::kFirst, {}}}, Deadline::never());
    bool idle = runner.idle();
    bool did_safe = recorded.artifacts.count("raw/safe") == 1;
    bool said_skipped = recorded.artifacts.count("raw/risky") == 1 &&
                        recorded.artifacts["raw/risky"].first.status == Status::kSkipped &&
                        recorded.artifacts.count("raw/risky-bytes") == 0;
    _exit(!idle ? 11 : !did_safe ? 12 : !said_skipped ? 13 : 0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
