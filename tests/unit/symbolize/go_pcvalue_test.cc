#include "symbolize/go_pcvalue.h"

#include <catch2/catch.hpp>

#include "tests/support/elf_builder.h"

using namespace ec;
using namespace ec::test;

namespace {

// -1 + 1 = 0 for 4 bytes, 0 + 80 for 60 bytes, 80 - 80 for 1 byte, the end.
const std::string kSizes("\x02\x04\xa0\x01\x3c\x9f\x01\x01\x00", 9);

// Go 1.18 or 1.20: main.wait at 0x1000 and runtime.goexit, which nothing calls, at 0x1080, up to 0x1100.
std::string table(uint32_t magic) {
  constexpr uint64_t kNames = 72, kTables = 112, kIndex = 128;
  std::string bytes;
  append_raw(bytes, magic);
  bytes += std::string("\0\0\1\10", 4);
  for (uint64_t value : {uint64_t{2}, uint64_t{0}, uint64_t{0x1000}, kNames, uint64_t{0}, uint64_t{0}, kTables, kIndex})
    append_raw(bytes, value);
  bytes += std::string("main.wait\0runtime.goexit\0", 25);
  bytes.resize(kTables);
  bytes += '\0';  // an offset of 0 means none
  bytes += kSizes;
  bytes.resize(kIndex);
  for (uint32_t value : {0u, 20u, 0x80u, 68u, 0x100u}) append_raw(bytes, value);
  size_t flag = magic == 0xfffffff1 ? 41 : 37;
  for (bool top : {false, true}) {
    std::string record;
    for (uint32_t value : {top ? 0x80u : 0u, top ? 10u : 0u, 0u, 0u, top ? 0u : 1u}) append_raw(record, value);
    record.resize(48);
    record[flag] = top ? 1 : 0;
    bytes += record;
  }
  return bytes;
}

}  // namespace

TEST_CASE("values by program counter add up, and end where the table ends") {
  auto at = [](uint64_t pc) { return go_pc_value(kSizes, 0x1000, pc, 1); };
  CHECK(at(0x1000) == 0);
  CHECK(at(0x1003) == 0);
  CHECK(at(0x1004) == 80);
  CHECK(at(0x103f) == 80);
  CHECK(at(0x1040) == 0);
  CHECK_FALSE(at(0x1041));
  CHECK(go_pc_value(kSizes, 0x1000, 0x1010, 4) == 80);  // lengths count instructions of 4 bytes
  CHECK_FALSE(go_pc_value("", 0x1000, 0x1000, 1));
  CHECK_FALSE(go_pc_value("\xff\xff\xff\xff\xff\xff", 0x1000, 0x1000, 1));
}

TEST_CASE("frames of Go 1.18 and of 1.20 know their size and where a stack begins") {
  uint32_t magic = GENERATE(0xfffffff0u, 0xfffffff1u);
  auto functions = GoPcTable::parse(table(magic), 0x1000);
  REQUIRE(functions);
  auto wait = functions->at(0x1010);
  REQUIRE(wait);
  CHECK(wait->name == "main.wait");
  CHECK_FALSE(wait->begins_a_stack);
  CHECK(functions->frame_size(*wait, 0x1010) == 80u);
  CHECK(functions->frame_size(*wait, 0x1000) == 0u);
  CHECK_FALSE(functions->frame_size(*wait, 0x1079));
  auto last = functions->named("runtime.goexit");
  REQUIRE(last);
  CHECK(last->entry == 0x1080);
  CHECK(last->begins_a_stack);
  CHECK_FALSE(functions->frame_size(*last, 0x1080));
  CHECK_FALSE(functions->at(0x1100));
  CHECK_FALSE(functions->at(0xfff));
}

TEST_CASE("a cut table gives no frame of what it lost") {
  std::string whole = table(0xfffffff1);
  for (size_t length = 0; length < whole.size(); ++length) {
    auto functions = GoPcTable::parse(whole.substr(0, length), 0x1000);
    if (!functions) continue;
    auto last = functions->at(0x1090);
    CHECK((!last || functions->frame_size(*last, 0x1090) == std::nullopt));
  }
}
