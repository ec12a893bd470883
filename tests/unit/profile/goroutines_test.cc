#include "collector/profile/goroutines.h"

#include <catch2/catch.hpp>

#include "collector/profile/gzip.h"
#include "collector/profile/memstats.h"
#include "tests/support/go_profiles.h"

using namespace ec;
using namespace ec::test;

namespace {

const GoroutineStacks* group_with(const Goroutines& goroutines, const std::string& function) {
  for (const auto& group : goroutines.groups)
    for (const auto& name : group.functions)
      if (name == function) return &group;
  return nullptr;
}

}  // namespace

TEST_CASE("the protobuf of a goroutine profile gives groups, largest first") {
  auto bytes = gunzip("goroutine.pb.gz", go_fixture("goroutine.pb.gz"), 1 << 20);
  REQUIRE(bytes.has_value());
  auto profile = parse_pprof("goroutine.pb.gz", *bytes);
  REQUIRE(profile.has_value());
  auto goroutines = goroutines_of("goroutine.pb.gz", *profile);
  REQUIRE(goroutines.has_value());
  CHECK(goroutines->total == 49);
  REQUIRE(goroutines->groups.size() > 3);
  const auto& largest = goroutines->groups[0];
  CHECK(largest.count == 40);
  CHECK(largest.functions ==
        std::vector<std::string>{"runtime.gopark", "runtime.chanrecv", "runtime.chanrecv1", "main.waitForReply"});
  CHECK(wait_of(largest.functions) == "chan receive");
  const auto* locked = group_with(*goroutines, "main.waitForLock");
  REQUIRE(locked);
  CHECK(locked->count == 3);
  CHECK(wait_of(locked->functions) == "sync.Mutex.Lock");
}

TEST_CASE("the text of a goroutine profile gives the same groups without the frames of the runtime") {
  auto goroutines = parse_goroutine_text("goroutine.txt", go_fixture("goroutine.txt"));
  REQUIRE(goroutines.has_value());
  CHECK(goroutines->total == 49);
  CHECK(goroutines->groups[0].count == 40);
  CHECK(goroutines->groups[0].functions == std::vector<std::string>{"main.waitForReply"});
  const auto* locked = group_with(*goroutines, "sync.(*Mutex).Lock");
  REQUIRE(locked);
  CHECK(wait_of(locked->functions) == "sync.Mutex.Lock");
}

TEST_CASE("groups that differ in addresses and labels only are one") {
  auto goroutines = parse_goroutine_text("t",
                                         "goroutine profile: total 5\n"
                                         "3 @ 0x1 0x2\n"
                                         "# labels: {\"route\":\"/pay\"}\n"
                                         "#\t0x1\tmain.f[go.shape.struct { X int }]+0x1a\t/src/a b.go:7\n"
                                         "\n"
                                         "2 @ 0x1 0x3\n"
                                         "#\t0x1\tmain.f[go.shape.struct { X int }]+0x2b\t/src/a b.go:8\n");
  REQUIRE(goroutines.has_value());
  REQUIRE(goroutines->groups.size() == 1);
  CHECK(goroutines->groups[0].count == 5);
  CHECK(goroutines->groups[0].functions == std::vector<std::string>{"main.f[go.shape.struct { X int }]"});
}

TEST_CASE("goroutine text that is not one says the line") {
  auto message = [](std::string_view text) {
    auto goroutines = parse_goroutine_text("t", text);
    REQUIRE(!goroutines);
    return goroutines.error().message();
  };
  CHECK(message("<html>") == "t:1: expected 'goroutine profile: total N'");
  CHECK(message("goroutine profile: total x\n") == "t:1: expected a count after 'total'");
  CHECK(message("goroutine profile: total 1\nnonsense\n") == "t:2: expected 'COUNT @ ADDRESS …'");
  CHECK(message("goroutine profile: total 1\n#\t0x1\tmain.f\n") ==
        "t:2: expected 'COUNT @ ADDRESS …' before its frames");
  CHECK(message("goroutine profile: total 1\n1 @ 0x1\n#\tmain.f\n") == "t:3: expected '#', an address, a function");
  CHECK(message("goroutine profile: total 9\n1 @ 0x1\n") == "t:2: 1 of 9 goroutines, expected more groups");
}

TEST_CASE("a heap profile is no goroutine profile") {
  auto bytes = gunzip("heap.pb.gz", go_fixture("heap.pb.gz"), 1 << 20);
  REQUIRE(bytes.has_value());
  auto profile = parse_pprof("heap.pb.gz", *bytes);
  REQUIRE(profile.has_value());
  CHECK(goroutines_of("heap.pb.gz", *profile).error().message() == "heap.pb.gz: expected a sample type \"goroutine\"");
}

TEST_CASE("the comments at the end of a heap text give the runtime's memory figures") {
  auto stats = parse_memstats_comments("heap.txt", go_fixture("heap.txt"));
  REQUIRE(stats.has_value());
  CHECK(stats->heap_alloc > 1000);
  CHECK(stats->sys > stats->heap_alloc);
  CHECK(stats->gc_count > 0);
  CHECK(stats->recent_pauses_ns.size() == 256);
  CHECK(stats->last_pause_ns() > 0);
  CHECK(parse_memstats_comments("t", "heap profile: 0: 0 [0: 0]\n").error().message() ==
        "t:1: expected '# runtime.MemStats'");
  CHECK(parse_memstats_comments("t", "# runtime.MemStats\n# Sys = x\n").error().message() == "t:2: expected a number");
  CHECK(parse_memstats_comments("t", "# runtime.MemStats\n# PauseNs = [1 2\n").error().code == ErrorCode::kMalformed);
}
