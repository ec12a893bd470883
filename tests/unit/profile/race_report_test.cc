#include "collector/profile/race_report.h"

#include <catch2/catch.hpp>

#include "tests/support/profile_text.h"

using namespace ec;
using namespace ec::test;

TEST_CASE("reports of the Go race detector") {
  auto races = find_races(fixture("races/go.txt"));
  REQUIRE(races.size() == 2);
  auto counter = races[0].access.frames[0].function == "main.addTwo" ? races[0] : races[1];
  auto values = races[0].access.frames[0].function == "main.addTwo" ? races[1] : races[0];
  CHECK(counter.go);
  CHECK(counter.count == 1);
  CHECK(access_words(counter.access) == "read in main.addTwo (last_words/main.go:77) by goroutine 7");
  CHECK(access_words(counter.previous) == "write in main.addOne (last_words/main.go:72) by main goroutine");
  REQUIRE(counter.origins.size() == 1);
  CHECK(counter.origins[0].what == "goroutine 7 (running)");
  CHECK(counter.origins[0].frames ==
        std::vector<TextFrame>{{"main.race", "last_words/main.go", 86}, {"main.main", "last_words/main.go", 181}});
  CHECK(access_words(values.access).starts_with("write in main.race.func1 ("));
}

TEST_CASE("reports of ThreadSanitizer, by gcc and by clang") {
  for (const char* name : {"races/tsan_gcc.txt", "races/tsan_clang.txt"}) {
    INFO(name);
    auto races = find_races(fixture(name));
    REQUIRE(races.size() == 2);
    const RaceReport& heap = races[races[0].location.starts_with("heap") ? 0 : 1];
    const RaceReport& global = races[races[0].location.starts_with("heap") ? 1 : 0];
    CHECK_FALSE(heap.go);
    CHECK(access_words(heap.access) == "read of size 8 in audit(Account*) (app/races.cc:18) by main thread");
    CHECK(access_words(heap.previous) == "write of size 8 in pay(Account*) (app/races.cc:16) by thread T1");
    CHECK(heap.location == "heap block of size 16");
    REQUIRE(heap.origins.size() == 2);
    CHECK(heap.origins[0].what == "heap block of size 16");
    CHECK(heap.origins[0].by == "main thread");
    REQUIRE(heap.origins[0].frames.size() == 3);
    CHECK(heap.origins[0].frames[0].function == "operator new(unsigned long)");
    CHECK(heap.origins[0].frames[1] == TextFrame{"open_account()", "/srv/app/races.cc", 19});
    CHECK(heap.origins[1].what.starts_with("thread T1 (tid="));
    CHECK(heap.origins[1].by == "main thread");
    CHECK(global.location == "global 'requests' of size 4");
    CHECK(global.access.frames[0] == TextFrame{"count_request()", "/srv/app/races.cc", 14});
    CHECK(global.access.frames.back().function == "?");
  }
}

TEST_CASE("the same race twice, in either order and behind the prefix of a log, is counted") {
  auto report = [](const std::string& prefix, const char* a, const char* b) {
    return fmt::format(
        "{0}==================\n{0}WARNING: DATA RACE\n{0}Read at 0x00c0 by goroutine 7:\n{0}  {1}()\n"
        "{0}      /s/m.go:1 +0x3b\n\n{0}\n{0}Previous write at 0x00c0 by main goroutine:\n{0}  {2}()\n"
        "{0}      /s/m.go:1 +0x44\n{0}==================\n{0}serving\n",
        prefix, a, b);
  };
  auto races = find_races(report("", "main.x", "main.y") + report("", "main.a", "main.b") +
                          report("2026-11-21 07:25:39 api[42]: ", "main.b", "main.a"));
  REQUIRE(races.size() == 2);
  CHECK(races[0].count == 2);
  CHECK(access_words(races[0].access) == "read in main.a (s/m.go:1) by goroutine 7");
  CHECK(races[0].first_line == 14);
  CHECK(races[1].count == 1);
  CHECK(find_races(report("", "main.x", "main.y") + report("", "main.a", "main.b"), 1).size() == 1);
}

TEST_CASE("stacks that the detector has forgotten, atomics, and reports that are cut") {
  auto races = find_races(
      "WARNING: ThreadSanitizer: data race on vptr (ctor/dtor vs virtual call) (pid=1)\n"
      "  Atomic write of size 1 at 0x7b04 by thread T2 (mutexes: write M0):\n"
      "    #0 f /a.c:1 (x+0x1)\n\n"
      "  Previous read of size 1 at 0x7b04 by thread T1:\n"
      "    [failed to restore the stack]\n\n"
      "  Location is stack of main thread.\n");
  REQUIRE(races.size() == 1);
  CHECK(access_words(races[0].access) == "atomic write of size 1 in f (a.c:1) by thread T2");
  CHECK(access_words(races[0].previous) == "read of size 1 by thread T1");
  CHECK(races[0].location == "stack of main thread.");
  CHECK(find_races("WARNING: DATA RACE\n").empty());
}
