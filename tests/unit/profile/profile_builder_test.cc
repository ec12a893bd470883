#include "collector/profile/profile_builder.h"

#include <catch2/catch.hpp>

#include "collector/profile/pprof_writer.h"
#include "tests/support/go_profiles.h"

using namespace ec;
using namespace ec::test;

namespace {

// main → leaf, called from two places: a profile with one sample of each.
OwnedPprof built() {
  ProfileBuilder builder;
  builder.sample_type("samples", "count");
  builder.sample_type("cpu", "nanoseconds");
  uint32_t file = builder.text("/bin/x");
  uint32_t mapping = builder.mapping({.start = 0x1000, .limit = 0x2000, .file = file});
  uint32_t leaf = builder.function({.name = builder.text("leaf")});
  uint32_t main = builder.function({.name = builder.text("main"), .start_line = 3});
  auto at = [&](uint64_t address, uint32_t function, int64_t line) {
    PprofLine one{function, line};
    return builder.location({.address = address, .mapping = mapping}, {&one, 1});
  };
  const uint32_t first[] = {at(0x1100, leaf, 9), at(0x1200, main, 4)};
  const uint32_t second[] = {at(0x1100, leaf, 9), at(0x1210, main, 5)};
  const int64_t one[] = {1, 10}, two[] = {2, 20};
  PprofLabel label{.key = builder.text("user"), .text = builder.text("a")};
  builder.sample(first, one);
  builder.sample(second, one);
  builder.sample(first, two);
  builder.sample(first, one, {&label, 1});
  builder.header().duration_ns = 5;
  auto built = std::move(builder).finish("p");
  REQUIRE(built);
  return std::move(*built);
}

}  // namespace

TEST_CASE("rows that equal earlier ones are those, and samples of one stack and label add up") {
  OwnedPprof owned = built();
  const Pprof& profile = owned.profile;
  CHECK(profile.strings == std::vector<std::string_view>{"", "samples", "count", "cpu", "nanoseconds", "/bin/x", "leaf",
                                                         "main", "user", "a"});
  CHECK(profile.functions.size() == 2);
  CHECK(profile.locations.size() == 3);
  REQUIRE(profile.samples.size() == 3);
  CHECK(profile.values == std::vector<int64_t>{3, 30, 1, 10, 1, 10});
  CHECK(profile.labels.size() == 1);
  CHECK(profile.locations[2].id == 3);
  CHECK(profile.locations[2].mapping == 0);
}

TEST_CASE("a built profile survives a move, and what it was made of") {
  OwnedPprof first = built();
  OwnedPprof second = std::move(first);
  first = built();
  std::string packed = write_pprof(second.profile);
  REQUIRE(check_pprof("p", packed));
  auto bytes = gunzip("p", packed, 1 << 20);
  auto back = parse_pprof("p", *bytes);
  REQUIRE(back);
  CHECK(*back == second.profile);
}

TEST_CASE("many and long texts stay where they are") {
  ProfileBuilder builder;
  builder.sample_type("samples", "count");
  for (int i = 0; i < 20'000; ++i) builder.text("a name that is not short " + std::to_string(i));
  uint32_t large = builder.text(std::string(1 << 20, 'x'));
  CHECK(builder.text("a name that is not short 777") == 3 + 777);
  auto built = std::move(builder).finish("p");
  REQUIRE(built);
  CHECK(built->profile.strings[3 + 19'999] == "a name that is not short 19999");
  CHECK(built->profile.strings[large].size() == 1 << 20);
}

TEST_CASE("a profile that nobody could read is refused") {
  ProfileBuilder builder;
  const int64_t value[] = {1};
  const std::vector<uint32_t> stack(kMostPprofRows + 1);
  builder.sample_type("samples", "count");
  for (int i = 0; i < 17; ++i) {
    PprofLabel label{.key = builder.text("number"), .number = i};
    builder.sample(stack, value, {&label, 1});
  }
  CHECK(std::move(builder).finish("p").error().message() == "p: a profile of more than 4000000 rows");
}
