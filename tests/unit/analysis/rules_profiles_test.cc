#include <catch2/catch.hpp>

#include "collector/analysis/profile_growth.h"
#include "collector/analysis/profile_words.h"
#include "tests/support/small_profiles.h"
#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

namespace {

constexpr int64_t kSecond = 1'000'000'000, kBytes = 1 << 20;
using Types = std::vector<std::pair<std::string, std::string>>;
const Types kCpu = {{"samples", "count"}, {"cpu", "nanoseconds"}};
const Types kDelay = {{"contentions", "count"}, {"delay", "nanoseconds"}};
const Types kHeap = {{"inuse_objects", "count"}, {"inuse_space", "bytes"}};

RunProfile run_profile(const std::string& name, const SmallProfile& small, int64_t duration_ns = 0) {
  OwnedPprof owned = small_profile(small);
  owned.profile.duration_ns = duration_ns;
  return {name, "profiles/127.0.0.1_6060/" + name + ".pb.gz", 0,
          digest_profile(profile_kind(name, owned.profile), owned.profile)};
}

Snapshot with_profiles(std::vector<RunProfile> profiles) {
  Snapshot s = healthy();
  s.profiles = Profiles{std::move(profiles), {}};
  return s;
}

// `cores` for five seconds, 70 % of it in regexp for main.handle, 20 % in the garbage collector.
RunProfile busy(double cores) {
  auto part = [&](double share) {
    return std::vector<int64_t>{static_cast<int64_t>(500 * cores * share),
                                static_cast<int64_t>(5 * kSecond * cores * share)};
  };
  return run_profile("profile",
                     {.types = kCpu,
                      .samples = {{"main.main;main.handle;regexp.(*machine).step", part(0.7)},
                                  {"main.main;main.other", part(0.1)},
                                  {"runtime.gcBgMarkWorker;runtime.scanobject", part(0.2)}}},
                     5 * kSecond);
}

GoRuntime figures_at(uint64_t collections, uint64_t allocated, double pauses_ms) {
  GoRuntime go;
  go.gc_count = collections, go.allocated_bytes = allocated, go.pause_total_ms = pauses_ms;
  go.heap_alloc_bytes = 50 * kMiB, go.next_gc_bytes = 100 * kMiB, go.sys_bytes = 200 * kMiB;
  return go;
}

Snapshot between(const GoRuntime& before, const GoRuntime& after, double seconds) {
  Snapshot s = healthy();
  Endpoint endpoint;
  endpoint.url = "http://127.0.0.1:6060", endpoint.kind = "go-pprof";
  endpoint.go_before = before, endpoint.go = after, endpoint.go_seconds = seconds;
  s.endpoints = std::vector<Endpoint>{endpoint};
  return s;
}

}  // namespace

TEST_CASE("a profile is told in one sentence") {
  CHECK(profile_sentence(busy(1)) ==
        "profile: 70 % in regexp.(*machine).step, called by main.handle; garbage collection 20 % (5.00 s in 5.00 s, "
        "1.0 cores)");
  CHECK(profile_sentence(run_profile("mutex", {.types = kDelay, .samples = {}})) == "mutex: nothing was recorded");
  CHECK(profile_sentence(run_profile(
            "heap", {.types = kHeap, .samples = {{"main.main;main.keep;bytes.growSlice", {3, 30 * kBytes}}}})) ==
        "heap: 30.0 MiB in use, 3 objects; 100 % in bytes.growSlice, called by main.keep");
}

TEST_CASE("hot-function: who, by whom, and not without load") {
  auto found = findings_of(with_profiles({busy(1)}), "hot-function");
  REQUIRE(found.size() == 1);
  CHECK(found[0].severity == Severity::kLow);
  CHECK(found[0].title == "70 % of the CPU time in regexp.(*machine).step");
  CHECK(found[0].detail.find("called by main.handle") != std::string::npos);
  CHECK(found[0].detail.find("garbage collection 20 %") != std::string::npos);
  CHECK(found[0].evidence[0].artifact == "profiles/127.0.0.1_6060/profile.pb.gz");
  CHECK(found[0].evidence[0].excerpt.find("main.handle ← main.main") != std::string::npos);
  CHECK(severity(with_profiles({busy(3.9)}), "hot-function") == "medium");  // of four CPUs
  CHECK(severity(with_profiles({busy(0.3)}), "hot-function").empty());
}

TEST_CASE("hot-function does not blame the runtime for who calls it") {
  auto profile = run_profile("profile",
                             {.types = kCpu,
                              .samples = {{"runtime.gcBgMarkWorker;runtime.scanobject", {300, 3 * kSecond}},
                                          {"main.parse;runtime.mallocgc", {200, 2 * kSecond}}}},
                             5 * kSecond);
  auto found = findings_of(with_profiles({profile}), "hot-function");
  REQUIRE(found.size() == 1);
  CHECK(found[0].title == "40 % of the CPU time in main.parse");
  CHECK(severity(with_profiles({profile}), "gc-pressure") == "high");
}

TEST_CASE("gc-pressure: share of the CPU, or of the time stopped") {
  CHECK(severity(with_profiles({busy(1)}), "gc-pressure").empty());
  auto stopping = between(figures_at(10, 0, 100), figures_at(60, 0, 1100), 10);
  stopping.process.environment = std::map<std::string, std::string>{{"GOGC", "20"}, {"GOMEMLIMIT", "what\n?"}};
  auto found = findings_of(stopping, "gc-pressure");
  REQUIRE(found.size() == 1);
  CHECK(found[0].severity == Severity::kMedium);
  CHECK(found[0].title == "Garbage collection stops the program for 10 % of the time");
  CHECK(found[0].detail.find("GOGC=20.") != std::string::npos);
  CHECK(found[0].detail.find("GOMEMLIMIT") == std::string::npos);
  CHECK(severity(between(figures_at(10, 0, 1), figures_at(11, 0, 1.2), 10), "gc-pressure").empty());
}

TEST_CASE("allocation-storm: bytes per second between two readings") {
  CHECK(severity(between(figures_at(1, 0, 0), figures_at(2, 5 * kGiB, 0), 10), "allocation-storm").empty());
  CHECK(severity(between(figures_at(1, 0, 0), figures_at(2, 20 * kGiB, 0), 10), "allocation-storm") == "low");
  CHECK(severity(between(figures_at(1, 0, 0), figures_at(2, 50 * kGiB, 0), 10), "allocation-storm") == "medium");
  CHECK(severity(between(figures_at(1, 0, 0), figures_at(2, 50 * kGiB, 0), 0.2), "allocation-storm").empty());
}

TEST_CASE("contention: what was added during the run counts more than what adds up since the start") {
  auto mutex = [](const std::string& name, int64_t seconds, int64_t others, double at_ms) {
    auto profile =
        run_profile(name, {.types = kDelay,
                           .samples = {{"main.handle;main.(*cache).put;sync.(*Mutex).Unlock", {9, seconds * kSecond}},
                                       {"main.start;main.load;sync.(*Mutex).Unlock", {9, others * kSecond}}}});
    profile.at_ms = at_ms;
    return profile;
  };
  auto before = mutex("mutex", 100, 3 * 3600, 500), after = mutex("mutex-after", 130, 3 * 3600, 5500);
  auto found = findings_of(with_profiles({after, before}), "mutex-contention");
  REQUIRE(found.size() == 1);
  CHECK(found[0].severity == Severity::kMedium);
  CHECK(found[0].title == "Locks: 6.0 s of waiting per second");
  CHECK(found[0].detail.find("during 5.0 s of this run. Who held them meanwhile: 100 % in main.(*cache).put, called by "
                             "main.handle.") != std::string::npos);
  CHECK(found[0].evidence.size() == 1);
  CHECK(found[0].evidence[0].artifact == "profiles/127.0.0.1_6060/mutex-after.pb.gz");

  // It is over: of old it is worth a word, not more.
  after = mutex("mutex-after", 100, 3 * 3600, 5500);
  found = findings_of(with_profiles({after, before}), "mutex-contention");
  REQUIRE(found.size() == 1);
  CHECK(found[0].severity == Severity::kLow);
  CHECK(found[0].detail.find("on average since it began (0.0 s during this run)") != std::string::npos);
  CHECK(found[0].detail.find("main.load") != std::string::npos);
}

TEST_CASE("hot-function: sampled from outside when the program has no profile to give") {
  Snapshot s = healthy();
  CpuProfile sampled;
  sampled.event = "cpu-clock", sampled.unit = "ns", sampled.hz = 99;
  sampled.span_ns = 5 * kSecond;
  for (const char* name : {"parse(std::string const&)", "memcpy", "main"}) {
    sampled.frames.emplace_back();
    sampled.frames.back().symbol = name;
    sampled.frames.back().module = "/usr/bin/server";
  }
  Stack stack;
  stack.frames = {1, 0, 2};
  sampled.stacks.push_back(stack);
  sampled.spent.push_back({1234, 0, std::nullopt, 400, 4 * kSecond});
  s.cpu_profile = sampled;
  auto found = findings_of(s, "hot-function");
  REQUIRE(found.size() == 1);
  CHECK(found[0].title == "100 % of the CPU time in parse(std::string const&)");
  CHECK(found[0].detail.find("runtime") == std::string::npos);
  CHECK(found[0].evidence[0].artifact == "profiles/cpu.pb.gz");
}

TEST_CASE("contention: holders by the mutex profile, waiters by the block profile, idle workers by none") {
  // The process is an hour old.
  auto mutex = run_profile(
      "mutex",
      {.types = kDelay, .samples = {{"main.handle;main.(*cache).put;sync.(*Mutex).Unlock", {9, 3 * 3600 * kSecond}}}});
  auto found = findings_of(with_profiles({mutex}), "mutex-contention");
  REQUIRE(found.size() == 1);
  CHECK(found[0].severity == Severity::kMedium);
  CHECK(found[0].title == "Locks: 3.0 s of waiting per second");
  CHECK(found[0].detail.find("main.(*cache).put, called by main.handle") != std::string::npos);

  auto block = run_profile("block", {.types = kDelay,
                                     .samples = {{"main.worker;runtime.chanrecv1", {1, 400 * 3600 * kSecond}},
                                                 {"main.handle;sync.(*Mutex).Lock", {1, 3600 * kSecond}}}});
  found = findings_of(with_profiles({block}), "block-contention");
  REQUIRE(found.size() == 1);
  CHECK(found[0].severity == Severity::kLow);
  CHECK(found[0].detail.find("main.handle") != std::string::npos);
  auto idle = run_profile("block",
                          {.types = kDelay, .samples = {{"main.worker;runtime.chanrecv1", {1, 400 * 3600 * kSecond}}}});
  CHECK(severity(with_profiles({idle}), "block-contention").empty());
}

TEST_CASE("heap-growth: which function holds more, and objects") {
  auto heap = [](const std::string& name, int64_t mebibytes) {
    return run_profile(name, {.types = kHeap,
                              .samples = {{"main.main;main.upload;main.remember", {mebibytes, mebibytes * kBytes}},
                                          {"main.main;main.table", {1, 40 * kBytes}}}});
  };
  auto before = heap("heap", 10), after = heap("heap-after", 40);
  auto found = findings_of(with_profiles({after, before}), "heap-growth");
  REQUIRE(found.size() == 1);
  CHECK(found[0].severity == Severity::kMedium);
  CHECK(found[0].detail.find("grew from 50.0 MiB to 80.0 MiB; 30.0 MiB of it in main.remember, called by main.upload "
                             "(30 objects more in all)") != std::string::npos);
  CHECK(found[0].evidence[0].excerpt == "10.0 MiB → 40.0 MiB: main.remember ← main.upload ← main.main");
  auto little = heap("heap-after", 15);
  CHECK(severity(with_profiles({little, before}), "heap-growth").empty());

  // The same of two archives.
  auto changes = profile_changes(with_profiles({before}), with_profiles({heap("heap", 40)}));
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].find("50.0 MiB → 80.0 MiB") != std::string::npos);
  CHECK(changes[0].find("main.remember ← main.upload") != std::string::npos);
  CHECK(profile_changes(with_profiles({before}), with_profiles({before})).empty());
}
