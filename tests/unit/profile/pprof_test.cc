#include "collector/profile/pprof.h"

#include <catch2/catch.hpp>

#include "collector/profile/gzip.h"
#include "collector/profile/pprof_writer.h"
#include "collector/profile/profile_builder.h"
#include "tests/support/go_profiles.h"

using namespace ec;
using namespace ec::test;

namespace {

// Hand-made protobuf: field with a length.
std::string field(int tag, const std::string& bytes) {
  return std::string(1, static_cast<char>(tag << 3 | 2)) + static_cast<char>(bytes.size()) + bytes;
}
std::string number(int tag, int value) {
  return std::string(1, static_cast<char>(tag << 3)) + static_cast<char>(value);
}

const std::string kStrings = field(6, "") + field(6, "count");
const std::string kType = field(1, number(1, 1) + number(2, 1));

std::string problem(const std::string& bytes) {
  auto profile = parse_pprof("p", bytes);
  REQUIRE(!profile);
  return profile.error().message();
}

}  // namespace

TEST_CASE("profiles as Go serves them are whole") {
  for (const char* name : kGoProfiles) {
    INFO(name);
    CHECK(check_pprof(name, go_fixture(name)).has_value());
  }
}

TEST_CASE("a heap profile has four values per sample and names") {
  auto bytes = gunzip("heap.pb.gz", go_fixture("heap.pb.gz"), 1 << 20);
  REQUIRE(bytes.has_value());
  auto profile = parse_pprof("heap.pb.gz", *bytes);
  REQUIRE(profile.has_value());
  REQUIRE(profile->sample_types.size() == 4);
  CHECK(profile->strings[profile->sample_types[3].type] == "inuse_space");
  CHECK(profile->strings[profile->sample_types[3].unit] == "bytes");
  CHECK(!profile->samples.empty());
  CHECK(!profile->mappings.empty());
  CHECK(profile->time_ns > 0);
}

TEST_CASE("every cut of a served profile is noticed") {
  std::string whole = go_fixture("heap.pb.gz");
  for (size_t size = 0; size < whole.size(); ++size) {
    auto outcome = check_pprof("heap.pb.gz", std::string_view(whole).substr(0, size));
    INFO("cut to " << size);
    REQUIRE(!outcome);
    if (size >= 2) REQUIRE(outcome.error().code == ErrorCode::kTruncated);
  }
}

TEST_CASE("a changed byte in gzip is noticed by its checksum") {
  std::string bytes = go_fixture("goroutine.pb.gz");
  bytes[bytes.size() - 6] = static_cast<char>(bytes[bytes.size() - 6] ^ 1);
  CHECK(check_pprof("p", bytes).error().detail == "gzip: incorrect data check");
}

TEST_CASE("what follows a gzip member must be another one") {
  std::string text = gzip("one ") + gzip("two");
  CHECK(gunzip("g", text, 100).value() == "one two");
  CHECK(gunzip("g", text + "x", 100).error().detail == "expected the end or another gzip member");
}

TEST_CASE("gzip that unpacks to more than the limit is refused") {
  std::string bomb = gzip(std::string(10 << 20, 'x'));
  CHECK(bomb.size() < 100'000);
  CHECK(gunzip("g", bomb, 1 << 20).error().message() == "g: unpacks to more than 1.0 MiB");
  CHECK(gunzip("g", gzip("12345"), 5).value() == "12345");
}

TEST_CASE("what can be read of broken gzip is given") {
  std::string text = "Goroutines wait, one behind the other, for a lock that nobody holds. ";
  for (int i = 0; i < 8; ++i) text += text + std::to_string(i);
  std::string packed = gzip(text);
  auto unpacked = unpack_gzip("g", packed, 1 << 20);
  CHECK(unpacked.content == text);
  CHECK((unpacked.all_read && !unpacked.problem && unpacked.behind.empty()));

  unpacked = unpack_gzip("g", std::string_view(packed).substr(0, packed.size() / 2), 1 << 20);
  CHECK(!unpacked.content.empty());
  CHECK(text.starts_with(unpacked.content));
  CHECK(unpacked.all_read);
  CHECK(unpacked.problem->code == ErrorCode::kTruncated);

  std::string followed = packed + packed + "write error";
  unpacked = unpack_gzip("g", followed, 1 << 20);
  CHECK(unpacked.content == text + text);
  CHECK(unpacked.behind == "write error");
  CHECK(unpacked.all_read);

  std::string broken = packed + packed;
  broken[packed.size() + packed.size() / 2] ^= 0x55;
  unpacked = unpack_gzip("g", broken, 1 << 20);
  CHECK(unpacked.content.starts_with(text));
  CHECK((!unpacked.all_read && unpacked.problem->code == ErrorCode::kMalformed));

  unpacked = unpack_gzip("g", packed, 100);
  CHECK(unpacked.content == text.substr(0, 100));
  CHECK((!unpacked.all_read && unpacked.problem->code == ErrorCode::kUnsupported));

  unpacked = unpack_gzip("g", "no gzip", 100);
  CHECK((unpacked.content.empty() && unpacked.behind == "no gzip" && unpacked.all_read));

  std::string named = packed;  // RFC 1952, 2.3: FLG.FNAME, a name behind the header
  named[3] = 8;
  named.insert(10, std::string("token\0", 6));
  unpacked = unpack_gzip("g", named, 1 << 20);
  CHECK((unpacked.content == text && !unpacked.all_read && !unpacked.problem));
}

TEST_CASE("a minimal profile is accepted, packed or not") {
  std::string location = field(4, number(1, 7) + field(4, number(1, 9)));
  std::string function = field(5, number(1, 9) + number(2, 1));
  CHECK(
      parse_pprof("p", kType + field(2, field(1, "\7") + field(2, "\5")) + location + function + kStrings).has_value());
  CHECK(parse_pprof("p", kType + field(2, number(1, 7) + number(2, 5)) + location + function + kStrings).has_value());
}

TEST_CASE("a profile whose references lead nowhere says which") {
  CHECK(problem(field(2, field(2, "\5")) + kType + kStrings + field(2, field(1, "\7") + field(2, "\5"))) ==
        "p: profile.proto: a sample refers to location 7, which is not there");
  CHECK(problem(kType + kStrings + field(4, number(1, 7) + field(4, number(1, 9)))) ==
        "p: profile.proto: a line refers to function 9, which is not there");
  CHECK(problem(kType + kStrings + field(2, "")) == "p: profile.proto: a sample with 0 values for 1 sample types");
  CHECK(problem(kType + field(6, "")) == "p: profile.proto: string index 1 of 1 strings");
  CHECK(problem(kType + kStrings + field(4, number(1, 0))) == "p: profile.proto: location with id 0");
  CHECK(problem(kType + kStrings + field(4, number(1, 7)) + field(4, number(1, 7))) ==
        "p: profile.proto: location id 7 twice");
}

TEST_CASE("bytes that are not a profile are refused") {
  CHECK(problem("") == "p: profile.proto: no sample type");
  CHECK(problem(kType) == "p: profile.proto: no string table");
  CHECK(problem(std::string("\x12\x7f", 2)) == "p: profile.proto: a field is longer than what is left");
  CHECK(problem(number(1, 5)) == "p: profile.proto: field 1 has wire type 0");
  CHECK(parse_pprof("p", "<html>404</html>").error().code == ErrorCode::kMalformed);
}

TEST_CASE("stacks that inlined functions make endless are refused") {
  ProfileBuilder builder;
  builder.sample_type("cpu", "nanoseconds");
  const uint32_t function = builder.function({.name = builder.text("f")});
  std::vector<PprofLine> lines;
  for (int64_t line = 0; line < 70'000; ++line) lines.push_back({function, line});
  const std::vector<uint32_t> often(4'000, builder.location({.address = 1}, lines));
  const int64_t one = 1;
  builder.sample(often, {&one, 1});
  auto profile = std::move(builder).finish("p");
  REQUIRE(profile);
  auto bytes = gunzip("p", write_pprof(profile->profile), kMostUnpackedPprof);
  REQUIRE(bytes);
  auto again = parse_pprof("p", *bytes);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == ErrorCode::kUnsupported);
  CHECK(again.error().message() == "p: profile.proto: stacks too long with what is inlined");
}
