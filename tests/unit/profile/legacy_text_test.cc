// The text forms of gperftools, brpc, Go and JVMs.
#include <catch2/catch.hpp>

#include "collector/profile/contention_text.h"
#include "collector/profile/count_text.h"
#include "collector/profile/heap_text.h"
#include "collector/profile/java_text.h"
#include "tests/support/profile_text.h"

using namespace ec;
using namespace ec::test;
using Lines = std::vector<std::string>;

TEST_CASE("a full heap profile has what is in use and what was allocated, as go tool pprof shows it") {
  auto profile = parse_heap_text("heap.heap", fixture("gperftools/heap.heap"));
  REQUIRE(profile);
  CHECK(type_line(profile->profile) == "alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes");
  auto lines = sample_lines(profile->profile);
  REQUIRE(lines.size() >= 4);
  CHECK(lines[0].starts_with("300 19660800 300 19660800 {65536} @ 0x"));
  CHECK(lines[1].starts_with("2000 2048000 2000 2048000 {1024} @ 0x"));
  CHECK(lines[3].starts_with("3 57344 1 32768 {32768} @ 0x"));
  CHECK(profile->profile.strings[profile->profile.mappings[0].file] == "/srv/app/gperftools");
  CHECK(profile->profile.strings[profile->profile.drop_frames].starts_with("calloc|"));
}

TEST_CASE("a sampled heap profile is scaled to what there is, as go tool pprof does") {
  auto profile = parse_heap_text("sampled.heap", fixture("gperftools/sampled.heap"));
  REQUIRE(profile);
  CHECK(type_line(profile->profile) == "objects/count space/bytes");
  CHECK(profile->profile.period == 65536);
  auto lines = sample_lines(profile->profile);
  REQUIRE(lines.size() == 5);
  CHECK(lines[0].starts_with("29 3006604 {65536} @ "));
  CHECK(lines[1].starts_with("2176 2245666 {1024} @ "));
  CHECK(lines[2].starts_with("193 20009468 {65536} @ "));
  CHECK(lines[3].starts_with("1408 1453078 {1024} @ "));
}

TEST_CASE("growth is not scaled") {
  auto profile = parse_heap_text("growth.heap", fixture("gperftools/growth.heap"));
  REQUIRE(profile);
  CHECK(profile->profile.period == 1);
  CHECK(sample_lines(profile->profile)[1].starts_with("10 10485760 {1048576} @ "));
}

TEST_CASE("Go's heap as text has names, a period of half of what it says, and comments that do not count") {
  auto profile = parse_heap_text("heap.txt", fixture("go-text/heap.txt"));
  REQUIRE(profile);
  CHECK(profile->profile.period == 524288);
  auto lines = sample_lines(profile->profile);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] ==
        "1260 524496 {416} @ runtime.malg runtime/proc.go:4076, runtime.newproc1 runtime/proc.go:4123, "
        "runtime.newproc.func1 runtime/proc.go:4098, runtime.systemstack runtime/asm_amd64.s:492");
}

TEST_CASE("the headers of heap profiles") {
  auto types = [](const std::string& title) {
    auto profile = parse_heap_text("h", title + "\n 1: 100 [2: 300] @ 0x10 0x20\n");
    if (!profile) return profile.error().message();
    return fmt::format("{}, {}, {}", type_line(profile->profile), profile->profile.period,
                       sample_lines(profile->profile)[0]);
  };
  const std::string two = "objects/count space/bytes, ";
  const std::string four = "alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes, ";
  CHECK(types("heap profile: 1: 100 [1: 100] @ heapprofile") == two + "1, 1 100 {100} @ 0xf, 0x1f");
  CHECK(types("heap profile: 1: 100 [2: 300] @ heapprofile") == four + "1, 2 300 1 100 {100} @ 0xf, 0x1f");
  CHECK(types("heap profile: 1: 100 [0: 0] @ growthz") == two + "1, 1 100 {100} @ 0xf, 0x1f");
  CHECK(types("heap profile: 1: 100 [9: 9] @ fragmentation") == two + "1, 1 100 {100} @ 0xf, 0x1f");
  CHECK(types("heap profile: 1: 100 [1: 100] @ heapz_v2/100") == two + "100, 1 158 {100} @ 0xf, 0x1f");
  CHECK(types("heap profile: 1: 100 [1: 100] @ heap/200") == two + "100, 1 158 {100} @ 0xf, 0x1f");
  CHECK(types("heap profile: 1: 100 [1: 100] @ heap_v2/1") == two + "1, 1 100 {100} @ 0xf, 0x1f");
  CHECK(types("I0102 03:04:05.6 42 dump.cc:17] heap profile: 1: 100 [ 1: 100] @ heapprofile") ==
        two + "1, 1 100 {100} @ 0xf, 0x1f");
  CHECK(types("heap profile: 1: 100 [1: 100] @ other") ==
        "h:1: expected 'heap profile: N: B [N: B] @ heap_v2/RATE' or another kind");
  CHECK(parse_heap_text("h", "heap profile: 1: 1 [1: 1] @ heapprofile\n1: x\n").error().message() ==
        "h:2: expected 'N: B [N: B] @ 0x…'");
}

TEST_CASE("numbers of a hostile heap profile do not overflow") {
  auto profile = parse_heap_text("h",
                                 "heap profile: 1: 1 [1: 1] @ heap_v2/9223372036854775807\n"
                                 "9223372036854775807: 1 [1: 1] @ 0x0 0xffffffffffffffff\n"
                                 "-1: -9223372036854775808 [1: 1] @ 0x1\n");
  REQUIRE(profile);
  CHECK(profile->profile.samples.size() == 2);
}

TEST_CASE("Go's mutex and block profiles as text: cycles become nanoseconds") {
  auto block = parse_contention_text("block.txt", fixture("go-text/block.txt"));
  REQUIRE(block);
  CHECK(type_line(block->profile) == "contentions/count delay/nanoseconds");
  auto lines = sample_lines(block->profile);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] ==
        "159 1281364068 @ sync.(*Mutex).Lock sync/mutex.go:90, main.contend.func1 last_words/main.go:139, 0x462b60");
  CHECK(lines[1].starts_with("1 188536195 @ sync.(*WaitGroup).Wait sync/waitgroup.go:139, "));
  auto mutex = parse_contention_text("mutex.txt", fixture("go-text/mutex.txt"));
  REQUIRE(mutex);
  REQUIRE(mutex->profile.samples.size() == 1);
  CHECK(sample_lines(mutex->profile)[0].find("sync.(*Mutex).Unlock") != std::string::npos);
}

TEST_CASE("brpc's contention profile: a bare title, and the map without one") {
  auto profile = parse_contention_text("c",
                                       "--- contention\ncycles/second=1000000000\n"
                                       "5000 3 @ 0x401011 0x401021 \n"
                                       "00401000-00402000 r-xp 00001000 08:01 7 /srv/app/server\n"
                                       "7f0000000000-7f0000001000 r-xp 00000000 08:01 8 /lib/libc.so.6\n");
  REQUIRE(profile);
  CHECK(sample_lines(profile->profile) == Lines{"3 5000 @ 0x401010, 0x401020"});
  REQUIRE(profile->profile.mappings.size() == 2);
  CHECK(profile->profile.locations[0].mapping == 0);
  CHECK(profile->profile.strings[profile->profile.drop_frames].find("RecordLockProfileData") != std::string_view::npos);
}

TEST_CASE("contention with a sampling period, and attributes that are not known") {
  auto profile = parse_contention_text("c",
                                       "--- contentionz 1 ---\ncycles/second = 2000000000\nsampling period = 100\n"
                                       "ms since reset = 60000\ndiscarded samples = 0\n"
                                       " 5000 3 @ 0x11\n  MAPPED_LIBRARIES:\n00000000-00001000: /bin/x (@0) abc123\n");
  REQUIRE(profile);
  CHECK(sample_lines(profile->profile) == Lines{"300 250000 @ 0x10"});
  CHECK(profile->profile.duration_ns == 60'000'000'000);
  CHECK(profile->profile.period == 100);
  CHECK(profile->profile.strings[profile->profile.mappings[0].build_id] == "abc123");
  CHECK(parse_contention_text("c", "--- contention\nx = 1\n").error().message() ==
        "c:2: expected 'cycles/second', 'sampling period' or another attribute = NUMBER");
  CHECK(parse_contention_text("c", "--- contention\n5 3 0x1\n").error().code == ErrorCode::kMalformed);
}

TEST_CASE("heap and contention of a JVM have a table of locations") {
  const std::string table =
      "  0x00000001 com.app.Cache.put (Cache.java:40)\n  0x00000002 malloc (/usr/lib/libc.so.6)\n  0x00000003 GC\n";
  auto heap =
      parse_java_text("j", "--- heapz 1 ---\nformat = java\nresolution = bytes\n  1048576 1 @ 0x1 0x2 0x3\n\n" + table);
  REQUIRE(heap);
  CHECK(type_line(heap->profile) == "inuse_objects/count inuse_space/bytes");
  CHECK(sample_lines(heap->profile) ==
        Lines{"1 1212696 {1048576} @ com.app.Cache.put Cache.java:40, malloc libc.so.6:0, GC"});
  auto contention = parse_contention_text(
      "j",
      "--- contentionz 1 ---\nformat = java\nresolution = microseconds\nsampling period = 10\n  700 2 @ 0x1\n" + table);
  REQUIRE(contention);
  CHECK(type_line(contention->profile) == "contentions/count delay/microseconds");
  CHECK(sample_lines(contention->profile) == Lines{"20 7000 @ com.app.Cache.put Cache.java:40"});
  CHECK(parse_java_text("j", "--- heapz 1 ---\nformat = c\n").error().code == ErrorCode::kMalformed);
}

TEST_CASE("Go's counted stacks as text") {
  auto count = parse_count_text("count.txt", fixture("go-text/count.txt"));
  REQUIRE(count);
  CHECK(type_line(count->profile) == "goroutine/count");
  auto lines = sample_lines(count->profile);
  CHECK(lines[0] == "5 @ 0x437695, 0x40619a, 0x405cd7, main.waitForReply last_words/main.go:31, 0x462b60");
  // Recursion is many frames, not one with inlined functions.
  const PprofSample* deepest = &count->profile.samples[0];
  for (const PprofSample& sample : count->profile.samples)
    if (sample.locations.count > deepest->locations.count) deepest = &sample;
  CHECK(deepest->locations.count > 20);
  CHECK(count->profile.locations[count->profile.stack[deepest->locations.first + 9]].lines.count == 1);

  // google/pprof cannot read this: threads without a stack.
  auto threads = parse_count_text("threadcreate.txt", fixture("go-text/threadcreate.txt"));
  REQUIRE(threads);
  CHECK(sample_lines(threads->profile).size() == 1);
  CHECK(type_line(threads->profile) == "threadcreate/count");
  CHECK(parse_count_text("t", "x profile: total 1\nfive @ 0x1\n").error().message() == "t:2: expected 'COUNT @ 0x…'");
}

TEST_CASE("threadz: one stack a thread, and threads that stand where the one before stands") {
  auto profile = parse_threadz_text("t",
                                    "--- threadz 1 ---\n\n"
                                    "--- Thread 7f95712 (name: main/17) stack: ---\n"
                                    "  0x401010 0x401021\n"
                                    "  0x401031 main\n"
                                    "--- Thread 7f95713 (name: io/18) stack: ---\n"
                                    "  [same as previous thread]\n"
                                    "--- Thread 7f95714 (name: io/19) stack: ---\n"
                                    "  0x402010\n"
                                    "---- no stack trace for 3 threads ----\n"
                                    "--- Memory map: ---\n"
                                    "  00400000-00403000 r-xp 00000000 08:01 7 /bin/x\n");
  REQUIRE(profile);
  CHECK(sample_lines(profile->profile) == Lines{"2 @ 0x401010, 0x401020, 0x401030", "1 @ 0x402010"});
  CHECK(profile->profile.mappings.size() == 1);
  CHECK(parse_threadz_text("t", "--- threadz 1 ---\n--- what\n").error().code == ErrorCode::kMalformed);
}
