#include "collector/profile/gperftools_cpu.h"

#include <catch2/catch.hpp>

#include "tests/support/profile_text.h"

using namespace ec;
using namespace ec::test;

namespace {

template <class Word>
std::string words(std::vector<uint64_t> values, bool swapped) {
  std::string bytes;
  for (uint64_t value : values) {
    auto word = static_cast<Word>(value);
    std::string one(reinterpret_cast<const char*>(&word), sizeof word);
    if (swapped) one = std::string(one.rbegin(), one.rend());
    bytes += one;
  }
  return bytes;
}

const std::vector<uint64_t> kTwoStacks{0, 3, 0, 10'000, 0, 5, 3, 0x1010, 0x1021, 0x1031, 2, 2, 0x1040, 0x1031, 0, 1, 0};
constexpr const char* kMaps = "00001000-00002000 r-xp 00000000 08:01 7 /bin/x\n";

}  // namespace

TEST_CASE("a CPU profile of gperftools has samples, CPU time, and the mappings of its addresses") {
  auto profile = parse_gperftools_cpu("cpu.prof", fixture("gperftools/cpu.prof"));
  REQUIRE(profile);
  const Pprof& pprof = profile->profile;
  CHECK(type_line(pprof) == "samples/count cpu/nanoseconds");
  CHECK(pprof.period == 4'000'000);
  auto lines = sample_lines(pprof);
  REQUIRE(lines.size() == 4);  // as `go tool pprof -raw` has it
  CHECK(lines[0].starts_with("337 1348000000 @ 0x55f9884fd2e0, 0x55f9884fd2f6, 0x55f9884fd32d"));
  CHECK(lines[3].starts_with("2 8000000 @ "));
  const PprofLocation& leaf = pprof.locations[pprof.stack[pprof.samples[0].locations.first]];
  REQUIRE(leaf.mapping != kNoPprofMapping);
  CHECK(leaf.mapping == 0);
  CHECK(pprof.strings[pprof.mappings[0].file] == "/srv/app/gperftools");
  CHECK(pprof.mappings[0].file_offset == 0x1000);
  CHECK(pprof.strings[pprof.drop_frames].find("CpuProfiler::prof_handler") != std::string_view::npos);
}

TEST_CASE("words of both sizes and byte orders are told by the header") {
  const std::vector<std::string> files{words<uint32_t>(kTwoStacks, false), words<uint32_t>(kTwoStacks, true),
                                       words<uint64_t>(kTwoStacks, false), words<uint64_t>(kTwoStacks, true)};
  for (const std::string& file : files) {
    REQUIRE(is_gperftools_cpu(file));
    auto profile = parse_gperftools_cpu("p", file + kMaps);
    REQUIRE(profile);
    // Addresses behind a call are one byte too far; the innermost is not such an address.
    CHECK(sample_lines(profile->profile) ==
          std::vector<std::string>{"5 50000000 @ 0x1010, 0x1020, 0x1030", "2 20000000 @ 0x1040, 0x1030"});
    CHECK(profile->profile.mappings.size() == 1);
  }
}

TEST_CASE("frames of the signal handler and a leaf that is there twice go") {
  std::vector<uint64_t> handler{0, 3, 0, 10'000, 0};
  for (uint64_t leaf : {0x10, 0x20, 0x30}) handler.insert(handler.end(), {1, 4, leaf, 0x999, leaf, 0x500 + leaf});
  handler.insert(handler.end(), {0, 1, 0});
  auto profile = parse_gperftools_cpu("p", words<uint64_t>(handler, false));
  REQUIRE(profile);
  CHECK(sample_lines(profile->profile) ==
        std::vector<std::string>{"1 10000000 @ 0x10, 0x50f", "1 10000000 @ 0x20, 0x51f", "1 10000000 @ 0x30, 0x52f"});
}

TEST_CASE("a CPU profile of a JVM has names instead of a map") {
  const std::vector<uint64_t> stacks{0, 3, 1, 10'000, 0, 5, 2, 0x1, 0x2, 1, 1, 0x9, 0, 1, 0};
  auto profile = parse_gperftools_cpu("p", words<uint64_t>(stacks, false) +
                                               "  0x00000001 com.app.Sum.add (Sum.java:12)\n"
                                               "  0x00000002 com.app.Main.main (Main.java:4)\n"
                                               "  0x00000009 [generated stub/JIT code]\n");
  REQUIRE(profile);
  CHECK(sample_lines(profile->profile) ==
        std::vector<std::string>{"5 50000000 @ com.app.Sum.add Sum.java:12, com.app.Main.main Main.java:4",
                                 "1 10000000 @ STUB"});
}

TEST_CASE("a CPU profile that is cut, and what is none, is an error") {
  std::string whole = words<uint64_t>(kTwoStacks, false);
  CHECK(parse_gperftools_cpu("p", whole.substr(0, 8 * 9)).error().code == ErrorCode::kTruncated);
  CHECK(parse_gperftools_cpu("p", whole.substr(0, 8 * 14)).error().message() ==
        "p+0x70: expected the marker of the end, or a stack");
  CHECK(parse_gperftools_cpu("p", "heap profile: 1").error().code == ErrorCode::kMalformed);
  CHECK_FALSE(is_gperftools_cpu(""));
}
