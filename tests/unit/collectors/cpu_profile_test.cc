#include "collector/collectors/cpu_profile.h"

#include <catch2/catch.hpp>

#include "collector/base/bundle.h"

using namespace ec;

namespace {

constexpr std::string_view kPlan =
    "hz 99\nasked_ns 2000000000\nthreads 3\nevent cpu-clock\nunit ns\nkernel 1\nsampled 2\nstack_bytes 32768\n";

Result<CpuProfile> parsed(const std::vector<std::string>& seconds) {
  CpuProfileText text;
  REQUIRE(text.take("plan", kPlan));
  for (size_t i = 0; i < seconds.size(); ++i)
    if (auto taken = text.take(std::to_string(i), seconds[i]); !taken) return tl::unexpected(taken.error());
  return text.profile;
}

}  // namespace

TEST_CASE("samples of CPU time are counted by thread and stack") {
  auto profile = parsed({"at 0\ncpu 0\nthread 7 100 10 -1\n",
                         "at 1000000000\ncpu 900000000\nlost 2\nstack 0 10 20\nchain 0 ffffffff81000010\n"
                         "sample 7 0 -1 80 808080800\nsample 7 0 0 9 90909090\nthread 7 900000100 60 0\n",
                         "at 2000000000\ncpu 1000000000\nsample 8 -1 -1 1 10101010\nthread 7 900000100 60 0\n"});
  REQUIRE(profile);
  CHECK(profile->hz == 99);
  CHECK(profile->threads == 3);
  CHECK(profile->sampled_threads == 2);
  CHECK(profile->span_ns == 2'000'000'000);
  CHECK(profile->cpu_ns == 1'000'000'000);
  CHECK(profile->samples == 90);
  CHECK(profile->lost == 2);
  REQUIRE(profile->spent.size() == 3);
  CHECK(profile->spent[0].stack == 0);
  CHECK_FALSE(profile->spent[0].chain);
  CHECK(profile->spent[1].chain == 0);
  CHECK_FALSE(profile->spent[2].stack);
  CHECK(profile->frames[profile->stacks[0].frames[1]].pc == 0x20);
  CHECK(profile->frames[profile->chains[0].frames[0]].module == "[kernel]");
  REQUIRE(profile->waited.size() == 2);
  CHECK(profile->waited[0].span_ns == 1'000'000'000);
  CHECK(profile->waited[0].run_ns == 900'000'000);
  CHECK(profile->waited[0].delay_ns == 50);
  CHECK(profile->waited[1].run_ns == 0);
  CHECK(profile->waited[1].stack == 0);
}

TEST_CASE("names of the kernel's functions") {
  CpuProfileText text;
  REQUIRE(text.take("1", "at 1\nchain 0 ffffffff81000010 ffffffff81000020\n"));
  REQUIRE(text.take("kernel", "ffffffff81000010 do_syscall_64\n"));
  const CpuProfile& profile = text.profile;
  CHECK(profile.frames[0].symbol == "do_syscall_64");
  CHECK(profile.frames[1].symbol.empty());
  CHECK_FALSE(profile.frames[1].unknown_reason.empty());
}

TEST_CASE("what is malformed names its line, and numbers out of range are no stacks") {
  CHECK(parsed({"nothing\n"}).error().where == "0:1");
  CHECK(parsed({"at 0\nstack 5 10\n"}).error().where == "0:2");
  CHECK(parsed({"at 0\nsample 1 2\n"}).error().where == "0:2");
  CHECK(parsed({"at 0\nthread x\n"}).error().where == "0:2");
  auto profile = parsed({"at 0\nsample 7 99 -7 1 1\n"});
  REQUIRE(profile);
  CHECK_FALSE(profile->spent[0].stack);
  CHECK_FALSE(profile->spent[0].chain);
}

TEST_CASE("a collector that began anew behind a hang is read from there") {
  CpuProfileText text;
  REQUIRE(text.take("plan", kPlan));
  REQUIRE(text.take("1", "at 1\nstack 0 10\nsample 7 0 -1 1 1\n"));
  REQUIRE(text.take("plan", kPlan));
  REQUIRE(text.take("1", "at 1\nstack 0 20\nsample 7 0 -1 1 1\n"));
  CHECK(text.profile.samples == 1);
  CHECK(text.profile.frames[text.profile.stacks[0].frames[0]].pc == 0x20);
}

TEST_CASE("a thread whose counters went back is another one with its number") {
  auto profile = parsed({"at 0\nthread 7 500 0 -1\n", "at 10\nthread 7 3 0 -1\n", "at 20\nthread 7 4 0 -1\n"});
  REQUIRE(profile);
  REQUIRE(profile->waited.size() == 1);
  CHECK(profile->waited[0].run_ns == 1);
}

TEST_CASE("nobody asked for a profile, or the bundle is none") {
  Snapshot snapshot;
  parse_cpu_profile(RawStore{}, snapshot);
  CHECK(snapshot.cpu_profile.why().code == ErrorCode::kNotFound);
  RawStore store;
  ArtifactRow row;
  row.path = "raw/cpu_profile.bundle";
  store.add(row, "no bundle");
  parse_cpu_profile(store, snapshot);
  CHECK(snapshot.cpu_profile.why().code == ErrorCode::kMalformed);
}
