#include "collector/analysis/cpu_time.h"

#include <catch2/catch.hpp>

using namespace ec;

namespace {

// main → serve → handle → parse | write (in the kernel), and main → idle.
Snapshot profiled() {
  CpuProfile profile;
  profile.event = "cpu-clock";
  profile.unit = "ns";
  profile.hz = 99;
  profile.kernel = true;
  profile.asked_ns = profile.span_ns = 2'000'000'000;
  profile.cpu_ns = 1'000'000'000;
  profile.threads = profile.sampled_threads = 2;
  for (const char* name : {"main", "serve", "handle", "parse", "write", "idle"})
    profile.frames.emplace_back().symbol = name;
  Frame kernel;
  kernel.module = "[kernel]";
  kernel.symbol = "copy_page";
  profile.frames.push_back(kernel);
  profile.stacks.resize(3);
  profile.stacks[0].frames = {3, 2, 1, 0};
  profile.stacks[1].frames = {4, 2, 1, 0};
  profile.stacks[2].frames = {5, 0};
  profile.chains.resize(1);
  profile.chains[0].frames = {6};
  profile.spent = {{7, 0, std::nullopt, 60, 600},
                   {7, 1, 0, 20, 200},
                   {8, 2, std::nullopt, 15, 150},
                   {8, std::nullopt, std::nullopt, 5, 50}};
  profile.samples = 100;
  profile.weight = 1000;
  profile.waited = {
      {7, 0, 2'000'000'000, 800'000'000, 200'000'000}, {8, 2, 1'000'000'000, 0, 0}, {8, 2, 1'000'000'000, 0, 0}};
  Snapshot snapshot;
  snapshot.cpu_profile = std::move(profile);
  return snapshot;
}

}  // namespace

TEST_CASE("functions by their own time, with who calls them") {
  CpuTime time = cpu_time_of(profiled());
  CHECK(time.cores == Approx(0.5));
  CHECK(time.in_kernel == Approx(0.2));
  CHECK(time.unknown == Approx(0.05));
  REQUIRE(time.functions.size() == 7);
  CHECK(time.functions[0].name == "parse()");
  CHECK(time.functions[0].self == Approx(0.6));
  CHECK(time.functions[0].caller == "handle()");
  CHECK(time.functions[0].by_caller == Approx(1));
  CHECK(time.functions[1].name == "kernel: copy_page");
  CHECK(time.functions[1].caller == "write()");
  CHECK(time.functions[3].name == "main()");
  CHECK(time.functions[3].total == Approx(0.95));
  CHECK(time.path == std::vector<std::string>{"main()", "serve()", "handle()", "parse()"});
}

TEST_CASE("threads: what they ran, waited for a CPU, and were blocked in") {
  CpuTime time = cpu_time_of(profiled());
  REQUIRE(time.threads.size() == 2);
  CHECK(time.threads[0].cores == Approx(0.4));
  CHECK(time.threads[0].delay == Approx(0.1));
  CHECK(time.threads[1].blocked == Approx(1));
  REQUIRE(time.blocked.size() == 2);
  CHECK(time.blocked[0].stack == 2);
  CHECK(time.blocked[0].seconds == Approx(2));
  CHECK(time.blocked[1].seconds == Approx(1));
}

TEST_CASE("the profile in words") {
  Snapshot snapshot = profiled();
  CpuWords words = cpu_words(snapshot);
  CHECK(words.heading == "0.50 cores over 2.0 s, 100 samples");
  REQUIRE(words.lines.size() >= 4);
  CHECK(words.lines[0] == "60 % of its CPU time is in parse(), called by handle()");
  CHECK(words.lines[1] == "20 % of its CPU time is in kernel: copy_page, called by write()");
  CHECK(words.lines[3] == "Half of it or more is below main() → serve() → handle() → parse()");

  snapshot.cpu_profile->lost = 3;
  snapshot.cpu_profile->kernel = false;
  snapshot.cpu_profile->target_ended = true;
  snapshot.cpu_profile->threads = 4;
  CHECK(cpu_words(snapshot).lines.back() ==
        "Not in it: time in the kernel was not sampled (that needs CAP_PERFMON), 3 records lost, 2 threads not "
        "sampled and it ended meanwhile");
}

TEST_CASE("a process that hardly runs, and a kernel that refuses") {
  Snapshot snapshot = profiled();
  snapshot.cpu_profile->samples = 3;
  CHECK(cpu_words(snapshot).lines[0] == "3 samples: it hardly runs");
  snapshot.cpu_profile->refused = "perf_event_open: Operation not permitted";
  snapshot.cpu_profile->fix = "elsewhere";
  auto lines = cpu_words(snapshot).lines;
  CHECK(lines[0].find("No samples: perf_event_open: Operation not permitted") == 0);
  CHECK(lines[1] == "To have them: elsewhere");
  CHECK(lines[2] == "Cores by thread: tid 7 0.40");
}

TEST_CASE("no profile gives no words, and indices out of range are nothing") {
  CHECK(cpu_words(Snapshot{}).lines.empty());
  Snapshot snapshot = profiled();
  snapshot.cpu_profile->stacks[0].frames = {99};
  snapshot.cpu_profile->chains[0].frames = {77};
  CHECK(cpu_time_of(snapshot).unknown > 0.6);
}
