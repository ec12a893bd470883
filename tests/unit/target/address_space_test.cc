#include "collector/target/address_space.h"

#include <catch2/catch.hpp>

#include "collector/target/quiet_copy.h"

namespace ec {

namespace {

// A pthread stack with its guard page below, as glibc maps it.
constexpr std::string_view kMaps =
    "55d0c2a00000-55d0c2a21000 r-xp 00001000 08:02 1311001                    /opt/my\\040app/server (deleted)\n"
    "7f5b337ff000-7f5b33800000 ---p 00000000 00:00 0 \n"
    "7f5b33800000-7f5b34000000 rw-p 00000000 00:00 0 \n"
    "7ffc7d880000-7ffc7d8a2000 rw-p 00000000 00:00 0                          [stack]\n"
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

AddressSpace space() {
  auto parsed = parse_address_space("maps", kMaps);
  REQUIRE(parsed);
  return *parsed;
}

}  // namespace

TEST_CASE("addresses find the mapping that holds them") {
  AddressSpace all = space();
  REQUIRE(all.regions.size() == 5);
  const Region* code = all.find(0x55d0c2a00000);
  REQUIRE(code);
  CHECK(all.name(*code) == "/opt/my app/server (deleted)");
  CHECK(code->executable);
  CHECK(code->offset == 0x1000);
  CHECK(code->device_major == 8);
  CHECK(code->device_minor == 2);
  CHECK(code->inode == 1311001);
  CHECK(all.find(0x55d0c2a20fff) == code);
  CHECK(all.find(0x55d0c2a21000) == nullptr);
  CHECK(all.find(0) == nullptr);
  CHECK(all.find(UINT64_MAX) == nullptr);
}

TEST_CASE("lines that go back are from a later moment and are left out") {
  auto parsed = parse_address_space("maps", "2000-5000 r-xp 0 0:0 0\n4000-6000 r-xp 0 0:0 0\n6000-7000 r-xp 0 0:0 0\n");
  REQUIRE(parsed);
  CHECK(parsed->regions.size() == 2);
}

TEST_CASE("a malformed line is named") {
  CHECK(parse_address_space("m", "1000-2000 r-xp 0 0:0 0\nnonsense\n").error().message() ==
        "m:2: expected an address range");
  CHECK(parse_address_space("m", "2000-1000 r-xp 0 0:0 0\n").error().message() == "m:1: expected an address range");
  CHECK(parse_address_space("m", "1000-2000 r-x 0 0:0 0\n").error().message() ==
        "m:1: expected four permission letters");
  CHECK(parse_address_space("m", "1000-2000 r-xp 0 00 0\n").error().message() ==
        "m:1: expected offset, device and inode");
}

TEST_CASE("the live part of a stack begins at the red zone and ends with its mapping or the cap") {
  AddressSpace all = space();
  StackRange range = stack_range(all, 0x7f5b33ffed14, 64 * 1024);
  CHECK(range.address == 0x7f5b33ffec90);
  CHECK(range.size == 0x7f5b34000000 - 0x7f5b33ffec90);
  CHECK(stack_range(all, 0x7f5b33801000, 64 * 1024).size == 64 * 1024);
}

TEST_CASE("the red zone of a stack that is full does not reach into the guard page") {
  CHECK(stack_range(space(), 0x7f5b33800010, 4096).address == 0x7f5b33800000);
}

TEST_CASE("a stack pointer in the guard page means the stack above it") {
  StackRange range = stack_range(space(), 0x7f5b337ffff0, 4096);
  CHECK(range.address == 0x7f5b33800000);
  CHECK(range.size == 4096);
}

TEST_CASE("a stack that was mapped later is bounded by the cap only, a null pointer is no stack") {
  CHECK(stack_range(space(), 0x600000000000, 4096).size == 4096);
  CHECK(stack_range(space(), 0, 4096).size == 0);
}

}  // namespace ec
