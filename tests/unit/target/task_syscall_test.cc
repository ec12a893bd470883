#include "collector/target/task_syscall.h"

#include <catch2/catch.hpp>

namespace ec {

TEST_CASE("a thread blocked in a system call") {
  auto call = parse_task_syscall("syscall", "202 0x7f5b2c000b20 0x80 0x2 0x0 0x0 0x0 0x7f5b33ffed10 0x7f5b3a2a5f16\n");
  REQUIRE(call);
  CHECK_FALSE(call->running);
  CHECK(call->number == 202);
  CHECK(call->arguments == std::array<uint64_t, 6>{0x7f5b2c000b20, 0x80, 2, 0, 0, 0});
  CHECK(call->stack_pointer == 0x7f5b33ffed10);
  CHECK(call->program_counter == 0x7f5b3a2a5f16);
}

TEST_CASE("a thread blocked outside a system call has no arguments") {
  auto call = parse_task_syscall("syscall", "-1 0x7ffc7d8a0e50 0x55d0c2a1b0e0\n");
  REQUIRE(call);
  CHECK(call->number == -1);
  CHECK(call->stack_pointer == 0x7ffc7d8a0e50);
}

TEST_CASE("a running thread") {
  auto call = parse_task_syscall("syscall", "running\n");
  REQUIRE(call);
  CHECK(call->running);
}

TEST_CASE("what does not have the form says what was expected") {
  CHECK(parse_task_syscall("/proc/42/syscall", "").error().message() ==
        "/proc/42/syscall:1: expected a system call or \"running\"");
  CHECK(parse_task_syscall("s", "x 1 2\n").error().message() == "s:1: expected a system call number or \"running\"");
  CHECK(parse_task_syscall("s", "202 0x1 0x2\n").error().message() == "s:1: expected six arguments in hexadecimal");
  CHECK(parse_task_syscall("s", "-1 0x1\n").error().message() == "s:1: expected stack pointer and program counter");
}

}  // namespace ec
