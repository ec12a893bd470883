#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

// /proc/PID/task/TID/syscall, proc(5): what a thread that is not on a CPU is blocked in. Needs PTRACE_MODE_ATTACH.
struct TaskSyscall {
  bool running = false;  // on a CPU or about to be: nothing else is known
  long number = -1;      // -1: blocked outside a system call, e.g. in a page fault
  std::array<uint64_t, 6> arguments{};
  uint64_t stack_pointer = 0, program_counter = 0;  // of user space; both 0 for a kernel thread
  bool operator==(const TaskSyscall&) const = default;
};

Result<TaskSyscall> parse_task_syscall(std::string_view where, std::string_view text);

// Whether it is in one of the operations of futex(2) that wait; arguments[0] is the address of the word then.
bool waits_on_futex(const TaskSyscall& call);

}  // namespace ec
