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
    auto all = newest_entries(name, reader(bytes), "nginx.service", 1000);
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

    auto few = newest_entries(name, reader(bytes), "nginx.service", 3);
    REQUIRE(few);
    REQUIRE(few->size() == 3);
    CHECK(few->back().sequence == all->back().sequence);
    CHECK(few->front().sequence == (*all)[60].sequence);
  }
}

TEST_CASE("a unit without entries has none") {
  std::string bytes = fixture("regular.journal");
  auto none = newest_entries("x", reader(bytes), "nginx", 10);
  REQUIRE(none);
  CHECK(none->empty());
}

TEST_CASE("what is no journal, or a newer one, says so") {
  std::string bytes = fixture("regular.journal");
  CHECK(newest_entries("x", reader(std::string()), "u", 1).error().code == ErrorCode::kTruncated);
  std::string other = bytes;
  other[0] = 'X';
  CHECK(newest_entries("x", reader(other), "u", 1).error().code == ErrorCode::kMalformed);
  std::string newer = bytes;
  newer[13] = 1;
  auto error = newest_entries("x", reader(newer), "u", 1).error();
  CHECK(error.code == ErrorCode::kUnsupported);
  CHECK(error.where == "x+0xc");
}

TEST_CASE("a journal cut anywhere gives what can be reached") {
  std::string bytes = fixture("compact.journal");
  for (size_t size = 0; size < bytes.size(); size += 977) {
    std::string cut = bytes.substr(0, size);
    auto entries = newest_entries("x", reader(cut), "nginx.service", 1000);
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
    auto entries = newest_entries("x", reader(damaged), "nginx.service", 100);
    if (entries) CHECK(entries->size() <= 100);
  }
}
