#include "collector/profile/merge.h"

#include <catch2/catch.hpp>

#include "tests/support/small_profiles.h"

using namespace ec;
using namespace ec::test;

namespace {

using Lines = std::vector<std::string>;

Result<OwnedPprof> merged(const SmallProfile& a, const SmallProfile& b) {
  const OwnedPprof both[] = {small_profile(a), small_profile(b)};
  return merge_profiles(both);
}

std::string problem(const SmallProfile& a, const SmallProfile& b) {
  auto result = merged(a, b);
  REQUIRE(!result);
  CHECK(result.error().code == ErrorCode::kUsage);
  return result.error().message();
}

}  // namespace

TEST_CASE("samples of one stack with the same labels add up, wherever the program was loaded") {
  auto sum =
      merged({.samples = {{"main;a", {1}}, {"main;b", {2}}, {"main;a", {4}, {{"user", "x"}}}}},
             {.samples = {{"main;b", {10}}, {"main;c", {20}}, {"main;a", {40}, {{"user", "x"}}}}, .start = 0x7f0000});
  REQUIRE(sum);
  CHECK(stacks_of(sum->profile) == Lines{"main;a 1", "main;b 12", "main;a 44 user=x", "main;c 20"});
  CHECK(sum->profile.mappings.size() == 1);
  CHECK(sum->profile.functions.size() == 4);
}

TEST_CASE("the order of labels does not tell samples apart") {
  auto sum = merged({.samples = {{"main", {1}, {{"a", "1"}, {"b", "2"}}}}},
                    {.samples = {{"main", {2}, {{"b", "2"}, {"a", "1"}}}}});
  REQUIRE(sum);
  CHECK(stacks_of(sum->profile) == Lines{"main 3 a=1 b=2"});
}

TEST_CASE("what a base has is taken off, and what is nothing then is gone") {
  OwnedPprof now = small_profile({.samples = {{"main;a", {5}}, {"main;b", {7}}, {"main;c", {1}}}});
  OwnedPprof base = small_profile({.samples = {{"main;a", {5}}, {"main;b", {9}}, {"main;d", {3}}}});
  auto less = subtract_profile(now, base, false);
  REQUIRE(less);
  CHECK(stacks_of(less->profile) == Lines{"main;b -2", "main;c 1", "main;d -3"});
  CHECK(less->profile.functions.size() == 4);  // nobody refers to a
  auto marked = subtract_profile(now, base, true);
  REQUIRE(marked);
  CHECK(stacks_of(marked->profile) == Lines{"main;a 5", "main;b 7", "main;c 1", "main;a -5 pprof::base=true",
                                            "main;b -9 pprof::base=true", "main;d -3 pprof::base=true"});
}

TEST_CASE("values are brought to the finer unit") {
  auto sum = merged({.types = {{"delay", "ms"}}, .samples = {{"main", {2}}}},
                    {.types = {{"delay", "ns"}}, .samples = {{"main", {500}}}});
  REQUIRE(sum);
  CHECK(stacks_of(sum->profile) == Lines{"main 2000500"});
  CHECK(sum->profile.strings[sum->profile.sample_types[0].unit] == "ns");
}

TEST_CASE("profiles that do not go together say why") {
  CHECK(problem({}, {.types = {{"space", "bytes"}}}) ==
        "profiles that do not go together: values are cpu/nanoseconds and space/bytes");
  CHECK(problem({}, {.types = {{"cpu", "bytes"}}}) ==
        "profiles that do not go together: values are cpu/nanoseconds and cpu/bytes");
  CHECK(problem({}, {.types = {{"cpu", "ns"}, {"wall", "ns"}}}) ==
        "profiles that do not go together: they have 1 and 2 values for each stack");
  CHECK(problem({.types = {{"sample", "count"}}}, {.types = {{"samples", "count"}}}) ==
        "profiles that do not go together: their types of values differ");
  CHECK(merge_profiles({}).error().code == ErrorCode::kUsage);
}

TEST_CASE("headers are combined") {
  OwnedPprof both[] = {small_profile({}), small_profile({.default_type = "cpu"})};
  both[0].profile.time_ns = 50, both[1].profile.time_ns = 40;
  both[0].profile.duration_ns = 7, both[1].profile.duration_ns = 8;
  both[0].profile.period = 100, both[1].profile.period = 10;
  for (OwnedPprof& one : both) {
    one.profile.strings.push_back("a comment");
    one.profile.comments = {static_cast<uint32_t>(one.profile.strings.size() - 1)};
  }
  auto sum = merge_profiles(both);
  REQUIRE(sum);
  CHECK(sum->profile.time_ns == 40);
  CHECK(sum->profile.duration_ns == 15);
  CHECK(sum->profile.period == 100);
  CHECK(sum->profile.comments.size() == 1);
  CHECK(sum->profile.strings[sum->profile.default_sample_type] == "cpu");
}
