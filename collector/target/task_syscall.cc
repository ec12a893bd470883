#include "collector/target/task_syscall.h"

#include <sys/syscall.h>

#include <algorithm>
#include <array>

#include "collector/base/text.h"

namespace ec {

namespace {

std::optional<uint64_t> hex_field(FieldCursor& fields) {
  auto word = fields.word();
  if (!word) return std::nullopt;
  if (word->starts_with("0x")) word->remove_prefix(2);
  return parse_number<uint64_t>(*word, 16);
}

}  // namespace

Result<TaskSyscall> parse_task_syscall(std::string_view where, std::string_view text) {
  LineCursor lines(where, text);
  auto line = lines.next();
  if (!line) return fail(ErrorCode::kMalformed, fmt::format("{}:1", where), "expected a system call or \"running\"");
  TaskSyscall call;
  if (trim(*line) == "running") {
    call.running = true;
    return call;
  }
  FieldCursor fields(*line);
  auto number = fields.number<long>();
  if (!number) return tl::unexpected(lines.expected("a system call number or \"running\""));
  call.number = *number;
  if (call.number >= 0)
    for (uint64_t& argument : call.arguments) {
      auto value = hex_field(fields);
      if (!value) return tl::unexpected(lines.expected("six arguments in hexadecimal"));
      argument = *value;
    }
  auto sp = hex_field(fields), pc = hex_field(fields);
  if (!sp || !pc) return tl::unexpected(lines.expected("stack pointer and program counter"));
  call.stack_pointer = *sp;
  call.program_counter = *pc;
  return call;
}

// WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2.
bool waits_on_futex(const TaskSyscall& call) {
  if (call.running || (call.number != SYS_futex && call.number != SYS_restart_syscall)) return false;
  uint64_t operation = call.arguments[1] & ~uint64_t{0x180};  // without PRIVATE and CLOCK_REALTIME
  constexpr std::array<uint64_t, 5> kWaits{0, 6, 9, 11, 13};
  return std::find(kWaits.begin(), kWaits.end(), operation) != kWaits.end() && call.arguments[0] >= 4096 &&
         call.arguments[0] % 4 == 0;
}

}  // namespace ec
