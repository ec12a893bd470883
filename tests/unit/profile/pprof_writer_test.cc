#include "collector/profile/pprof_writer.h"

#include <catch2/catch.hpp>

#include "collector/profile/gzip.h"

using namespace ec;

TEST_CASE("a profile that is written is the one that is read") {
  Pprof profile;
  profile.strings = {"", "samples", "count", "main", "main.c", "/bin/x", "abcd", "key", "value"};
  profile.sample_types = {{1, 2}};
  profile.mappings = {{1, 0x1000, 0x2000, 0, 5, 6}};
  profile.functions = {{1, 3, 3, 4, 10}};
  profile.lines = {{0, 42}};
  profile.locations = {{1, 0x1234, 1, {0, 1}}};
  profile.stack = {0};
  profile.values = {7};
  profile.labels = {{7, 8, 0, 0}, {7, 0, 0, -5}};
  profile.samples = {{{0, 1}, {0, 1}, {0, 2}}};
  profile.time_ns = 99;
  profile.duration_ns = 1'000;
  profile.period = 10;
  profile.period_type = {1, 2};

  std::string packed = write_pprof(profile);
  REQUIRE(check_pprof("x", packed));
  auto bytes = gunzip("x", packed, 1 << 20);
  REQUIRE(bytes);
  auto back = parse_pprof("x", *bytes);
  REQUIRE(back);
  CHECK(back->strings == profile.strings);
  REQUIRE(back->samples.size() == 1);
  CHECK(back->values == std::vector<int64_t>{7});
  CHECK(back->locations[back->stack[0]].address == 0x1234);
  CHECK(back->lines[0].line == 42);
  CHECK(back->functions[0].start_line == 10);
  CHECK(back->mappings[0].limit == 0x2000);
  REQUIRE(back->labels.size() == 2);
  CHECK(back->labels[0].text == 8);
  CHECK(back->labels[1].number == -5);
  CHECK(back->period_type.unit == 2);
  CHECK(back->duration_ns == 1'000);
}
