#include "symbolize/jit_names.h"

#include <catch2/catch.hpp>

#include "tests/support/elf_builder.h"

using namespace ec;
using namespace ec::test;

namespace {

std::string name_at(std::string_view map, uint64_t address) {
  auto names = names_in_perf_map(map, {address});
  auto found = names.find(address);
  return found == names.end() ? "" : found->second.name;
}

}  // namespace

TEST_CASE("lines of a perf map name the addresses from their start to their end") {
  std::string_view map = "7f0000001000 20 LazyCompile:*handle /app/a b.js:3:9\n0x7f0000002000 0x10 void f(int) const\n";
  CHECK(name_at(map, 0x7f0000001000) == "LazyCompile:*handle /app/a b.js:3:9");
  CHECK(name_at(map, 0x7f000000101f) == "LazyCompile:*handle /app/a b.js:3:9");
  CHECK(name_at(map, 0x7f0000001020).empty());
  CHECK(name_at(map, 0x7f0000000fff).empty());
  CHECK(name_at(map, 0x7f000000200f) == "void f(int) const");
  auto names = names_in_perf_map(map, {0x7f0000002008, 0x7f0000001008, 1});
  CHECK(names.size() == 2);
  CHECK(names[0x7f0000002008].start == 0x7f0000002000);
}

TEST_CASE("the last line of a perf map that covers an address wins") {
  std::string_view map = "1000 1000 old\n1000 10 new\n1800 10 other\n";
  CHECK(name_at(map, 0x1008) == "new");
  CHECK(name_at(map, 0x1010) == "old");
  CHECK(name_at(map, 0x1808) == "other");
  CHECK(name_at("1000 10 whole\n1000 10 cut", 0x1000) == "whole");
  CHECK(name_at("1000 10 cut", 0x1000).empty());
}

TEST_CASE("what is no line of a perf map names nothing, and its neighbours stay") {
  for (const char* line : {"", " ", "1000", "1000 20", "1000 20 ", "1000 0 empty", "xyz 20 name", "1000 -1 name",
                           "1000 20x name", "100000000000000000000 20 name", "0x 20 name", "# comment"}) {
    CAPTURE(line);
    std::string map = std::string("2000 10 before\n") + line + "\n3000 10 behind\n";
    CHECK(name_at(map, 0x1000).empty());
    CHECK(name_at(map, 0x2000) == "before");
    CHECK(name_at(map, 0x3000) == "behind");
  }
  CHECK(name_at("ffffffffffffff00 ffffffffffffffff all\n", 0x1000).empty());
  CHECK(name_at("ffffffffffffff00 ffffffffffffffff all\n", UINT64_MAX) == "all");
}

TEST_CASE("names from a perf map are one printable line of bounded length") {
  std::string name = name_at(std::string("1000 10 a\x1b[31m\tb\r\xff") + std::string(5000, 'x') + "\n", 0x1000);
  CHECK(name.size() < 1100);
  CHECK(name.find('\x1b') == std::string::npos);
  CHECK(name.find('\r') == std::string::npos);
}

TEST_CASE("functions of an object for debuggers count from their section when it is relocatable") {
  for (auto type : {uint16_t{ET_REL}, uint16_t{ET_DYN}}) {
    ElfBuilder builder(EM_X86_64, type);
    builder.section({".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 0x7f0000, std::string(64, '\x90'), 0, 0, 0});
    uint64_t base = type == ET_REL ? 0 : 0x7f0000;
    builder.symbols({{"first", base, 0x10},
                     {"second", base + 0x10, 0x10},
                     {"data", base + 0x20, 8, STT_OBJECT},
                     {"sizeless", base + 0x30, 0}});
    auto object = ElfFile::open(ByteSource("object", builder.bytes()));
    REQUIRE(object);
    auto names = names_in_jit_object(*object, {0x7f0000, 0x7f001f, 0x7f0020, 0x7f0030, 0x10});
    REQUIRE(names.size() == 2);
    CHECK(names[0x7f0000].name == "first");
    CHECK(names[0x7f001f].name == "second");
    CHECK(names[0x7f001f].start == 0x7f0010);
  }
}
