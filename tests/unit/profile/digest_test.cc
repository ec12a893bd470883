#include "collector/profile/digest.h"

#include <catch2/catch.hpp>

#include "tests/support/small_profiles.h"

using namespace ec;
using namespace ec::test;

namespace {

const std::vector<std::pair<std::string, std::string>> kCpu = {{"samples", "count"}, {"cpu", "nanoseconds"}};

ProfileDigest digest_of(const OwnedPprof& owned, std::string_view name = "profile") {
  return digest_profile(profile_kind(name, owned.profile), owned.profile);
}

int64_t work(const ProfileDigest& digest, RuntimeWork which) { return digest.runtime[static_cast<size_t>(which)]; }

}  // namespace

TEST_CASE("who a function belongs to") {
  CHECK(origin_of("main.handle") == FunctionOrigin::kProgram);
  CHECK(origin_of("github.com/acme/shop/cart.(*Cart).Add") == FunctionOrigin::kProgram);
  CHECK(origin_of("timetable/store.Find") == FunctionOrigin::kProgram);
  CHECK(origin_of("regexp.(*machine).step") == FunctionOrigin::kLibrary);
  CHECK(origin_of("encoding/json.(*decodeState).object") == FunctionOrigin::kLibrary);
  CHECK(origin_of("std::sort") == FunctionOrigin::kLibrary);
  CHECK(origin_of("runtime.memmove") == FunctionOrigin::kRuntime);
  CHECK(origin_of("sync.(*Mutex).Unlock") == FunctionOrigin::kRuntime);
  CHECK(origin_of("synchronise") == FunctionOrigin::kProgram);
  CHECK(origin_of("malloc") == FunctionOrigin::kRuntime);
  CHECK(origin_of("mallocs_of_mine") == FunctionOrigin::kProgram);

  CHECK(work_of("runtime.gcBgMarkWorker") == RuntimeWork::kGarbageCollection);
  CHECK(work_of("runtime.mallocgc") == RuntimeWork::kAllocation);
  CHECK(work_of("syscall.Syscall") == RuntimeWork::kSystemCall);
  CHECK(work_of("sync.(*RWMutex).RLock") == RuntimeWork::kLocking);
  CHECK(work_of("sync.(*WaitGroup).Wait") == RuntimeWork::kWaiting);
  CHECK(work_of("runtime.chanrecv1") == RuntimeWork::kWaiting);
  CHECK(work_of("main.main") == RuntimeWork::kNone);
}

TEST_CASE("samples are charged to who asked the runtime, and callers are told") {
  auto owned = small_profile(
      {.types = kCpu,
       .samples = {{"runtime.main;main.main;main.handle;regexp.(*machine).step", {50, 500}},
                   {"runtime.main;main.main;main.other;regexp.(*machine).step", {10, 100}},
                   {"runtime.main;main.main;main.handle;runtime.mallocgc", {10, 100}},
                   {"runtime.main;main.main;main.handle;runtime.mallocgc;runtime.gcAssistAlloc", {10, 100}},
                   {"runtime.gcBgMarkWorker;runtime.scanobject", {20, 200}}}});
  owned.profile.duration_ns = 1000;
  ProfileDigest digest = digest_of(owned);
  CHECK(digest.kind == ProfileKind::kCpu);
  CHECK(digest.type == "cpu");
  CHECK(digest.total == 1000);
  CHECK(digest.duration_ns == 1000);
  REQUIRE(total_of(digest, "samples"));
  CHECK(total_of(digest, "samples")->value == 100);

  REQUIRE(digest.by_charged.size() == 2);
  CHECK(digest.by_charged[0].name == "regexp.(*machine).step");
  CHECK(digest.by_charged[0].charged == 600);
  CHECK(digest.by_charged[1].name == "main.handle");
  CHECK(digest.by_charged[1].charged == 200);
  CHECK(digest.by_charged[1].flat == 0);
  CHECK(digest.by_charged[1].cum == 700);
  CHECK(share(digest, digest.by_charged[0].charged) == Approx(0.6));

  CHECK(work(digest, RuntimeWork::kGarbageCollection) == 300);
  CHECK(work(digest, RuntimeWork::kAllocation) == 100);
  CHECK(work(digest, RuntimeWork::kNone) == 600);

  REQUIRE(digest.paths.size() == 2);
  CHECK(digest.paths[0].functions ==
        std::vector<std::string>{"regexp.(*machine).step", "main.handle", "main.main", "runtime.main"});
  CHECK(digest.paths[0].values == std::vector<int64_t>{600, 500, 500, 500});
  CHECK(digest.paths[0].caller == "main.handle");
}

TEST_CASE("recursion is one step of a path, inlined functions are steps of it") {
  auto owned = small_profile(
      {.samples = {{"main.main;main.fib;main.fib;main.fib", {7}}, {"main.main;main.small|main.fib", {2}}}});
  ProfileDigest digest = digest_of(owned);
  REQUIRE(digest.paths.size() == 2);
  CHECK(digest.paths[0].functions == std::vector<std::string>{"main.fib", "main.main"});
  CHECK(digest.by_cum[0].cum == 7 + 2);
  CHECK(digest.by_cum[1].cum == 7 + 2);
}

TEST_CASE("of a block profile only waits for locks are charged") {
  auto owned = small_profile({.types = {{"contentions", "count"}, {"delay", "nanoseconds"}},
                              .samples = {{"main.worker;runtime.chanrecv1", {1, 900}},
                                          {"main.handle;main.(*cache).get;sync.(*Mutex).Lock", {5, 100}}}});
  ProfileDigest digest = digest_of(owned, "block");
  CHECK(digest.kind == ProfileKind::kBlock);
  CHECK(digest.total == 1000);
  REQUIRE(digest.by_charged.size() == 1);
  CHECK(digest.by_charged[0].name == "main.(*cache).get");
  CHECK(work(digest, RuntimeWork::kLocking) == 100);
  CHECK(work(digest, RuntimeWork::kWaiting) == 900);
}

TEST_CASE("kinds are told by what is counted, and bytes in use are what counts in a heap") {
  auto heap = small_profile({.types = {{"alloc_objects", "count"},
                                       {"alloc_space", "bytes"},
                                       {"inuse_objects", "count"},
                                       {"inuse_space", "bytes"}},
                             .samples = {{"main.main;main.keep", {9, 900, 1, 100}}}});
  CHECK(digest_of(heap, "heap").type == "inuse_space");
  CHECK(digest_of(heap, "heap").total == 100);
  CHECK(digest_of(heap, "allocs").type == "alloc_space");
  CHECK(digest_of(heap, "allocs").kind == ProfileKind::kAllocs);
  auto sessions = small_profile({.types = {{"open_sessions", "count"}}, .samples = {}});
  CHECK(digest_of(sessions).kind == ProfileKind::kOther);
  CHECK(digest_of(sessions).total == 0);
  CHECK(digest_of(sessions).by_charged.empty());
}

TEST_CASE("values at the ends of their range do no harm") {
  auto owned = small_profile({.samples = {{"main.a;main.b", {INT64_MAX}},
                                          {"main.c;main.b", {INT64_MAX}},
                                          {"main.b", {INT64_MIN}},
                                          {"", {INT64_MIN}}}});
  ProfileDigest digest = digest_of(owned);
  CHECK(digest.samples == 4);
  for (const DigestPath& path : digest.paths) CHECK(!path.functions.empty());
}
