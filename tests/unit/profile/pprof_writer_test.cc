#include "collector/profile/pprof_writer.h"

#include <catch2/catch.hpp>

#include "tests/support/go_profiles.h"

using namespace ec;
using namespace ec::test;

namespace {

// The bytes must outlive the profile.
Pprof parsed(const std::string& bytes) {
  auto profile = parse_pprof("p", bytes);
  REQUIRE(profile);
  return std::move(*profile);
}

std::string rewritten(const Pprof& profile) {
  std::string packed = write_pprof(profile);
  REQUIRE(check_pprof("p", packed));
  return gunzip("p", packed, 1 << 20).value();
}

}  // namespace

TEST_CASE("a profile that is written is the one that is read") {
  Pprof profile;
  profile.strings = {"", "samples", "count", "main", "main.c", "/bin/x", "abcd", "key", "value", "runtime.*", "bytes"};
  profile.sample_types = {{1, 2}};
  profile.mappings = {{77, 0x1000, 0x2000, 0, 5, 6, true, false, true, false},
                      {78, 0x3000, 0x4000, 64, 5, 0, false, true, false, true}};
  profile.functions = {{~0ull, 3, 3, 4, 10}};
  profile.lines = {{0, 42, 7}, {0, -1, 0}};
  profile.locations = {{1, 0x1234, 1, {0, 2}, true}, {5'000'000, ~0ull, kNoPprofMapping, {2, 0}, false}};
  profile.stack = {0, 1, 0};
  profile.values = {7, -9};
  profile.labels = {{7, 8, 0, 0}, {7, 0, 10, -5}, {7, 0, 0, 0}, {7, 8, 10, 3}};
  profile.samples = {{{0, 2}, {0, 1}, {0, 2}}, {{2, 1}, {1, 1}, {2, 2}}};
  profile.time_ns = 99;
  profile.duration_ns = 1'000;
  profile.period = 10;
  profile.period_type = {1, 2};
  profile.default_sample_type = 1;
  profile.drop_frames = 9;
  profile.keep_frames = 3;
  profile.doc_url = 4;
  profile.comments = {7, 8, 7};
  CHECK(parsed(rewritten(profile)) == profile);

  profile.period_type = {};
  profile.comments.clear();
  profile.doc_url = profile.drop_frames = 0;
  CHECK(parsed(rewritten(profile)) == profile);
}

TEST_CASE("profiles as Go serves them are read, written and read without a difference") {
  for (const char* name : kGoProfiles) {
    INFO(name);
    std::string bytes = unpacked_go_fixture(name);
    Pprof profile = parsed(bytes);
    CHECK(profile.samples.empty() == (std::string_view(name) == "mutex.pb.gz"));
    std::string again = rewritten(profile);
    CHECK(parsed(again) == profile);
  }
}
