#include "collector/proc/journal_file.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <iterator>

using namespace ec;

namespace {

std::string fixture(const std::string& name) {
  std::ifstream file(EC_FIXTURES "/journal-unit/" + name, std::ios::binary);
  REQUIRE(file);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

ReadAt reader(const std::string& bytes) {
  return [&bytes](uint64_t offset, void* to, size_t size) {
    if (offset > bytes.size() || bytes.size() - offset < size) return false;
    std::memcpy(to, bytes.data() + offset, size);
    return true;
  };
}

}  // namespace

TEST_CASE("the newest entries of a unit, of a regular and a compact journal") {
  for (const char* name : {"regular.journal", "compact.journal"}) {
    INFO(name);
    std::string bytes = fixture(name);
    auto all = newest_entries(name, reader(bytes), nullptr, {"nginx.service", ""}, 1000);
    REQUIRE(all);
    REQUIRE(all->size() == 63);
    CHECK(all->front().priority == 3);
    CHECK(all->front().message == "upstream timed out, request 0");
    CHECK(all->front().realtime_us == 1795212001000000);
    CHECK(all->front().identifier == "nginx");
    CHECK(all->front().pid == "4211");
    CHECK((*all)[60].message == "first line\nsecond \x1b[31mline");
    CHECK((*all)[61].message == "(compressed field not read)");
    // What systemd says about the unit, under a unit of its own.
    CHECK(all->back().identifier == "systemd");
    CHECK(all->back().message.starts_with("nginx.service: Main process exited"));

    auto few = newest_entries(name, reader(bytes), nullptr, {"nginx.service", ""}, 3);
    REQUIRE(few);
    REQUIRE(few->size() == 3);
    CHECK(few->back().sequence == all->back().sequence);
    CHECK(few->front().sequence == (*all)[60].sequence);
  }
}

TEST_CASE("a unit of a user's manager has lines of its own, in the journal of the system too") {
  std::string bytes = fixture("system-and-user.journal");
  auto system = newest_entries("x", reader(bytes), nullptr, {"noisy.service", ""}, 1000);
  REQUIRE(system);
  CHECK(system->size() == 28);
  auto user = newest_entries("x", reader(bytes), nullptr, {"mine.service", "1000"}, 1000);
  REQUIRE(user);
  REQUIRE(user->size() == 27);
  CHECK(user->front().message == "Started mine.service.");
  CHECK(user->front().user_id == "1000");
  CHECK(user->back().message == "mine.service: Consumed 1.515s CPU time.");
  // Another user's unit of that name, and one of the system.
  CHECK(newest_entries("x", reader(bytes), nullptr, {"mine.service", "1001"}, 1000)->empty());
  CHECK(newest_entries("x", reader(bytes), nullptr, {"mine.service", ""}, 1000)->empty());
}

TEST_CASE("a message that journald packed with LZ4") {
  // The packed message of the fixture gives way to a smaller one.
  std::string bytes = fixture("compact.journal");
  size_t payload = bytes.find("\x28\xb5\x2f\xfd"), object = payload - 72;
  REQUIRE(payload != std::string::npos);
  // The number of bytes, then a block of one match: "MESSAGE=w", 529 times "w", "w end".
  std::string packed("\x1f\x02\0\0\0\0\0\0\x9fMESSAGE=w\x01\0\xff\xff\0\x50w end", 29);
  uint64_t size = 72 + packed.size(), before = 0;
  std::memcpy(&before, &bytes[object + 8], sizeof before);
  REQUIRE(before >= size);
  REQUIRE(bytes[object] == 1);
  REQUIRE(bytes[object + 1] == 4);
  bytes[object + 1] = 2;
  std::memcpy(&bytes[object + 8], &size, sizeof size);
  bytes.replace(payload, packed.size(), packed);
  auto entries = newest_entries("x", reader(bytes), nullptr, {"nginx.service", ""}, 1000);
  REQUIRE(entries);
  CHECK((*entries)[61].message == std::string(531, 'w') + " end");
}

TEST_CASE("a unit without entries has none") {
  std::string bytes = fixture("regular.journal");
  auto none = newest_entries("x", reader(bytes), nullptr, {"nginx", ""}, 10);
  REQUIRE(none);
  CHECK(none->empty());
}

TEST_CASE("what is no journal, or a newer one, says so") {
  std::string bytes = fixture("regular.journal");
  CHECK(newest_entries("x", reader(std::string()), nullptr, {"u", ""}, 1).error().code == ErrorCode::kTruncated);
  std::string other = bytes;
  other[0] = 'X';
  CHECK(newest_entries("x", reader(other), nullptr, {"u", ""}, 1).error().code == ErrorCode::kMalformed);
  std::string newer = bytes;
  newer[13] = 1;
  auto error = newest_entries("x", reader(newer), nullptr, {"u", ""}, 1).error();
  CHECK(error.code == ErrorCode::kUnsupported);
  CHECK(error.where == "x+0xc");
}

TEST_CASE("a journal cut anywhere gives what can be reached") {
  std::string bytes = fixture("compact.journal");
  for (size_t size = 0; size < bytes.size(); size += 977) {
    std::string cut = bytes.substr(0, size);
    auto entries = newest_entries("x", reader(cut), nullptr, {"nginx.service", ""}, 1000);
    if (entries) CHECK(entries->size() <= 63);
  }
}

TEST_CASE("a damaged journal ends") {
  const std::string bytes = fixture("compact.journal");
  uint32_t random = 20261120;
  for (int round = 0; round < 300; ++round) {
    std::string damaged = bytes;
    for (int change = 0; change < 200; ++change) {
      random = random * 1664525 + 1013904223;
      damaged[(random >> 4) % damaged.size()] = static_cast<char>(random >> 24);
    }
    auto entries = newest_entries("x", reader(damaged), nullptr, {"nginx.service", ""}, 100);
    if (entries) CHECK(entries->size() <= 100);
  }
}
