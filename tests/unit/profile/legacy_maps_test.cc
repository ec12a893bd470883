#include "collector/profile/legacy_maps.h"

#include <catch2/catch.hpp>

using namespace ec;

TEST_CASE("only what is executable is a mapping, its parts become one, and the program comes first") {
  LegacyMaps maps(
      "7f00-8000 r--p 00000000 08:01 9 /lib/libc.so.6\n"
      "8000-9000 r-xp 00001000 08:01 9 /lib/libc.so.6\n"
      "9000-a000 r-xp 00002000 08:01 9 /lib/libc.so.6\n"
      "b000-c000 r-xp 00003000 08:01 7 /srv/my app (deleted)\n"
      "d000-e000 r-xp 00000000 00:00 0 [vdso]\n");
  REQUIRE(maps.mappings().size() == 3);
  CHECK(maps.mappings()[0].file == "/srv/my app");
  CHECK(maps.mappings()[1].file == "/lib/libc.so.6");
  CHECK(maps.mappings()[1].start == 0x8000);
  CHECK(maps.mappings()[1].limit == 0xa000);
  CHECK(maps.find(0x9fff) == 1u);
  CHECK(maps.find(0xa000) == 0u);  // the file offset says that this file begins at 0x8000
  CHECK(maps.find(0xcfff) == std::nullopt);
  CHECK(maps.find(0xe000) == std::nullopt);
}

TEST_CASE("a program that is not position independent begins at its usual place") {
  LegacyMaps maps("00401000-00402000 r-xp 00001000 08:01 7 /bin/x\n");
  CHECK(maps.mappings()[0].start == 0x400000);
  CHECK(maps.mappings()[0].offset == 0);
}

TEST_CASE("short forms of a map, names for paths, and prefixes of a log") {
  LegacyMaps maps(
      "build=/home/ci/out\n"
      "I0102 03:04:05.6 42 maps.cc:17] 0x40000-0x80000: $build/server (@1000) abc123\n"
      "90000 a0000 r-xp /bin/other\n"
      "nonsense\n"
      "b0000-a0000 /bin/backwards\n");
  REQUIRE(maps.mappings().size() == 2);
  CHECK(maps.mappings()[0].file == "/home/ci/out/server");
  CHECK(maps.mappings()[0].offset == 0x1000);
  CHECK(maps.mappings()[0].build_id == "abc123");
  CHECK(maps.mappings()[1].file == "/bin/other");
  CHECK(without_log_prefix("x.cc:17] a") == "a");
  CHECK(without_log_prefix("1: 2 [3: 4] @ 0x1") == "1: 2 [3: 4] @ 0x1");
  CHECK(without_log_prefix(":1]") == ":1]");
}

TEST_CASE("mappings that overlap: the first one has the place") {
  LegacyMaps maps(
      "1000-3000 r-xp 00000000 08:01 7 /bin/x\n"
      "2000-4000 r-xp 00000000 08:01 8 /lib/y.so\n");
  CHECK(maps.find(0x2800) == 0u);
  CHECK(maps.find(0x3800) == std::nullopt);
}
