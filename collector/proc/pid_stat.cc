#include "collector/proc/pid_stat.h"

#include "collector/base/text.h"

namespace ec {

namespace {

template <class T>
bool take(FieldCursor& fields, T& value) {
  auto number = fields.number<T>();
  if (number) value = *number;
  return number.has_value();
}

bool skip(FieldCursor& fields, int count) {
  while (count-- > 0)
    if (!fields.word()) return false;
  return true;
}

// Fields 25 and later: each kernel has what its age allows.
bool take_tail(FieldCursor& fields, PidStat& stat) {
  return skip(fields, 3) && take(fields, stat.stack_start)                       // 28
         && skip(fields, 10) && take(fields, stat.last_cpu)                      // 39
         && take(fields, stat.realtime_priority) && take(fields, stat.policy)    // 40, 41
         && take(fields, stat.block_io_ticks) && take(fields, stat.guest_ticks)  // 42, 43
         && skip(fields, 8) && take(fields, stat.exit_code);                     // 52
}

}  // namespace

Result<PidStat> parse_pid_stat(std::string_view where, std::string_view text) {
  auto expected = [&](std::string_view what) {
    return fail(ErrorCode::kMalformed, fmt::format("{}:1", where), fmt::format("expected {}", what));
  };
  // The name is not escaped here; everything behind it is numbers, so the last parenthesis ends it.
  size_t open = text.find('('), close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return expected("a name in parentheses");
  PidStat stat;
  auto pid = parse_number<int>(trim(text.substr(0, open)));
  if (!pid) return expected("a process id");
  stat.pid = *pid;
  stat.comm = text.substr(open + 1, close - open - 1);

  std::string_view rest = text.substr(close + 1);
  rest = rest.substr(0, rest.find('\n'));
  FieldCursor fields(rest);
  auto state = fields.word();
  if (!state || state->size() != 1) return expected("a state letter");
  stat.state = (*state)[0];
  bool whole =
      take(fields, stat.ppid) && take(fields, stat.pgrp) && take(fields, stat.session) && take(fields, stat.tty) &&
      take(fields, stat.tty_pgrp) && take(fields, stat.flags) && take(fields, stat.minor_faults) &&
      take(fields, stat.child_minor_faults) && take(fields, stat.major_faults) &&
      take(fields, stat.child_major_faults) && take(fields, stat.user_ticks) && take(fields, stat.system_ticks) &&
      take(fields, stat.child_user_ticks) && take(fields, stat.child_system_ticks) && take(fields, stat.priority) &&
      take(fields, stat.nice) && take(fields, stat.threads) && skip(fields, 1) && take(fields, stat.start_ticks) &&
      take(fields, stat.vm_size_bytes) && take(fields, stat.rss_pages);
  if (!whole) return expected("numbers up to field 24 (rss)");
  take_tail(fields, stat);
  return stat;
}

std::string scheduler_name(uint32_t policy) {
  switch (policy) {
    case 0:
      return "SCHED_OTHER";
    case 1:
      return "SCHED_FIFO";
    case 2:
      return "SCHED_RR";
    case 3:
      return "SCHED_BATCH";
    case 5:
      return "SCHED_IDLE";
    case 6:
      return "SCHED_DEADLINE";
    case 7:
      return "SCHED_EXT";
    default:
      return fmt::format("policy {}", policy);
  }
}

}  // namespace ec
