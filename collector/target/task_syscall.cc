#include "collector/target/task_syscall.h"

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

}  // namespace ec
