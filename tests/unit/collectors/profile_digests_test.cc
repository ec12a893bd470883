#include "collector/collectors/profile_digests.h"

#include <catch2/catch.hpp>

#include "collector/profile/gzip.h"
#include "tests/support/program.h"

using namespace ec;

namespace {

void put(RawStore& store, const std::string& path, std::string bytes, const std::string& collector = "endpoint") {
  ArtifactRow row;
  row.path = path, row.collector = collector, row.at_ms = 12;
  store.add(std::move(row), std::move(bytes));
}

std::string fixture(const std::string& name) { return test::read_text(std::string(EC_FIXTURES) + "/go-pprof/" + name); }

}  // namespace

TEST_CASE("the profiles of a run are read once, whoever pulled them") {
  RawStore store;
  put(store, "profiles/a/heap.pb.gz", fixture("heap.pb.gz"));
  put(store, "profiles/a/profile.pb.gz", fixture("profile.pb.gz"));
  put(store, "profiles/samples.pb.gz", fixture("profile.pb.gz"), "");  // derived
  put(store, "profiles/a/vars.json", "{}");
  Snapshot snapshot;
  read_profiles(store, snapshot);
  read_profiles(store, snapshot);
  REQUIRE(snapshot.profiles);
  REQUIRE(snapshot.profiles->read.size() == 2);
  CHECK(snapshot.profiles->unread.empty());
  CHECK(snapshot.profiles->read[0].name == "heap");
  CHECK(snapshot.profiles->read[0].digest.kind == ProfileKind::kHeap);
  CHECK(snapshot.profiles->read[0].digest.type == "inuse_space");
  CHECK(snapshot.profiles->read[1].digest.kind == ProfileKind::kCpu);
  CHECK(snapshot.profiles->read[1].at_ms == 12);
}

TEST_CASE("what is too large or broken is not read, and said") {
  RawStore store;
  put(store, "profiles/a/bomb.pb.gz", gzip(std::string(kMostDigested + 1, '\0')));
  put(store, "profiles/a/cut.pb.gz", fixture("heap.pb.gz").substr(0, 300));
  Snapshot snapshot;
  read_profiles(store, snapshot);
  REQUIRE(snapshot.profiles);
  CHECK(snapshot.profiles->read.empty());
  REQUIRE(snapshot.profiles->unread.size() == 2);
  CHECK(snapshot.profiles->unread[0].why.code == ErrorCode::kSkipped);
  CHECK(snapshot.profiles->unread[0].why.detail.find("too large") == 0);
  CHECK(snapshot.profiles->unread[1].why.code == ErrorCode::kTruncated);
  Snapshot nothing;
  read_profiles(RawStore(), nothing);
  CHECK_FALSE(nothing.profiles);
}
