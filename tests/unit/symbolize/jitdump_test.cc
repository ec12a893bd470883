#include "symbolize/jitdump.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <iterator>

#include "tests/support/elf_builder.h"

using namespace ec;
using test::append_raw;

namespace {

struct Dump {
  Dump() {
    for (uint32_t word : {0x4A695444u, 1u, 40u, 62u, 0u, 42u}) append_raw(bytes, word);
    append_raw(bytes, uint64_t{0});
    append_raw(bytes, uint64_t{0});
  }
  Dump& record(uint32_t id, const std::string& body) {
    append_raw(bytes, id);
    append_raw(bytes, static_cast<uint32_t>(16 + body.size()));
    append_raw(bytes, uint64_t{0});
    bytes += body;
    return *this;
  }
  Dump& load(uint64_t address, uint64_t size, const std::string& name) {
    std::string body;
    for (uint64_t word : {uint64_t{42}, address, address, size, uint64_t{1}}) append_raw(body, word);
    return record(0, body + name + '\0' + std::string(size % 64, '\x90'));
  }
  Dump& move(uint64_t from, uint64_t to, uint64_t size) {
    std::string body;
    for (uint64_t word : {uint64_t{42}, to, from, to, size, uint64_t{1}}) append_raw(body, word);
    return record(1, body);
  }
  std::string bytes;
};

Result<JitNames> read(const std::string& bytes, const std::vector<uint64_t>& addresses) {
  return names_in_jitdump(ByteSource("jit-42.dump", bytes), addresses, Deadline::never());
}

std::string name_at(const Dump& dump, uint64_t address) {
  auto names = read(dump.bytes, {address});
  REQUIRE(names);
  auto found = names->find(address);
  return found == names->end() ? "" : found->second.name;
}

}  // namespace

TEST_CASE("records of loaded code name the addresses from their start to their end") {
  Dump dump;
  dump.load(0x7000, 0x20, "LazyCompile:*handle /app/a b.js:3:9").record(2, "lines").record(4, "").load(0x8000, 8, "g");
  CHECK(name_at(dump, 0x6fff).empty());
  CHECK(name_at(dump, 0x7000) == "LazyCompile:*handle /app/a b.js:3:9");
  CHECK(name_at(dump, 0x701f) == "LazyCompile:*handle /app/a b.js:3:9");
  CHECK(name_at(dump, 0x7020).empty());
  auto names = read(dump.bytes, {0x7010, 0x8004, 1});
  REQUIRE(names->size() == 2);
  CHECK(names->at(0x7010).start == 0x7000);
}

TEST_CASE("the last record that covers an address wins, and code that was moved has no name") {
  Dump dump;
  dump.load(0x7000, 0x100, "older").load(0x7010, 0x10, "newer").load(0x9000, 0x10, "moved").move(0x9000, 0x7080, 0x10);
  CHECK(name_at(dump, 0x700f) == "older");
  CHECK(name_at(dump, 0x7010) == "newer");
  CHECK(name_at(dump, 0x7080).empty());
  CHECK(name_at(dump, 0x9000).empty());
  CHECK(name_at(dump.load(0x9000, 0x10, "next"), 0x9000) == "next");
}

TEST_CASE("a record that is not whole ends the file") {
  Dump dump;
  dump.load(0x7000, 0x20, "f").load(0x8000, 0x20, "g");
  for (size_t cut = 1; cut < 40; ++cut) {
    auto names = read(dump.bytes.substr(0, dump.bytes.size() - cut), {0x7000, 0x8000});
    REQUIRE(names);
    CHECK(names->size() == 1);
  }
  for (uint32_t size : {0u, 15u, UINT32_MAX}) {
    std::string bytes = dump.bytes;
    std::memcpy(bytes.data() + 44, &size, sizeof size);
    CHECK(read(bytes, {0x7000})->empty());
  }
}

TEST_CASE("what is no jitdump file of this machine is refused, with the reason") {
  std::string good = Dump().bytes, swapped = good, version = good;
  std::reverse(swapped.begin(), swapped.begin() + 4);
  version[4] = 9;
  CHECK(read("", {1}).error().code == ErrorCode::kMalformed);
  CHECK(read(std::string(40, 'x'), {1}).error().code == ErrorCode::kMalformed);
  CHECK(read(swapped, {1}).error().message().find("byte order") != std::string::npos);
  CHECK(read(version, {1}).error().message().find("version 9") != std::string::npos);
}

TEST_CASE("many records that cover many addresses are read in a time that their sum bounds") {
  Dump dump;
  for (int i = 0; i < 20'000; ++i) dump.load(0x1000, 0x100000, "all");
  std::vector<uint64_t> addresses;
  for (uint64_t i = 0; i < 20'000; ++i) addresses.push_back(0x1000 + i * 16);
  CHECK(read(dump.bytes, addresses)->size() == 20'000);
}

TEST_CASE("node's file names a JavaScript function") {
  std::ifstream stream(EC_FIXTURES "/jit/jit-24725.dump", std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  auto names = read(bytes, {140409653050240 + 887, 140409653050240 + 888});
  REQUIRE(names);
  REQUIRE(names->size() == 1);
  CHECK(names->begin()->second.name == "JS:~innerCall /app/js/w2.js:1:19");
}
