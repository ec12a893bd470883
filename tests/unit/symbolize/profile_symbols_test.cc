#include "symbolize/profile_symbols.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "collector/proc/maps.h"
#include "tests/support/profile_text.h"

using namespace ec;
using namespace ec::test;

extern "C" __attribute__((noinline, used)) int function_that_a_profile_is_of(int x) { return x * 3 + 1; }

namespace {

// A profile of one address in this very program, as a profiler without names writes it.
OwnedPprof profile_of(const void* code, const std::string& build_id, const std::string& path_instead = {}) {
  auto address = reinterpret_cast<uint64_t>(code);
  std::ifstream maps("/proc/self/maps");
  std::string text((std::istreambuf_iterator<char>(maps)), {});
  auto entries = parse_maps("maps", text);
  REQUIRE(entries);
  ProfileBuilder builder;
  builder.sample_type("samples", "count");
  for (const MapsEntry& entry : *entries) {
    if (address < entry.begin || address >= entry.end) continue;
    uint32_t file = builder.text(path_instead.empty() ? entry.name : path_instead), id = builder.text(build_id);
    PprofMapping row;
    row.start = entry.begin;
    row.limit = entry.end;
    row.file_offset = entry.offset;
    row.file = file;
    row.build_id = id;
    uint32_t mapping = builder.mapping(row);
    PprofLocation at;
    at.address = address;
    at.mapping = mapping;
    const uint32_t stack[] = {builder.location(at, {})};
    const int64_t one = 1;
    builder.sample(stack, {&one, 1});
  }
  auto owned = std::move(builder).finish("p");
  REQUIRE(owned);
  return std::move(*owned);
}

const void* code() { return reinterpret_cast<const void*>(&function_that_a_profile_is_of); }

}  // namespace

TEST_CASE("addresses get the names of the file that was mapped there") {
  OwnedPprof profile = profile_of(code(), "");
  ProfileSymbols told = add_symbols(profile, {}, true);
  CHECK(told.named == 1);
  CHECK(told.without_names == 1);
  CHECK(told.problems.empty());
  CHECK(told.by_path.size() == 1);
  CHECK(sample_lines(profile.profile)[0].starts_with("1 @ function_that_a_profile_is_of"));
  CHECK(profile.profile.mappings[0].has_functions);
  // Names that are there are not looked for again.
  CHECK(add_symbols(profile, {}, true).without_names == 0);
}

TEST_CASE("a file that may be another gives no names") {
  OwnedPprof elsewhere = profile_of(code(), "");
  ProfileSymbols told = add_symbols(elsewhere, {}, false);
  CHECK(told.named == 0);
  REQUIRE(told.problems.size() == 1);
  CHECK(told.problems[0].ends_with(": the profile does not have its build id, so that the file here may be another"));

  OwnedPprof other = profile_of(code(), "0123456789abcdef0123456789abcdef01234567");
  CHECK(add_symbols(other, {}, true).named == 0);

  OwnedPprof gone = profile_of(code(), "", "/no/such/file");
  told = add_symbols(gone, {}, true);
  REQUIRE(told.problems.size() == 1);
  CHECK(told.problems[0].starts_with("/no/such/file: "));

  OwnedPprof anonymous = profile_of(code(), "", "[vdso]");
  CHECK(add_symbols(anonymous, {}, true).problems.empty());
}
