#include "collector/proc/pid_schedstat.h"

#include "collector/base/text.h"

namespace ec {

Result<PidSchedstat> parse_pid_schedstat(std::string_view where, std::string_view text) {
  LineCursor lines(where, text);
  FieldCursor fields(lines.next().value_or(""));
  auto on_cpu = fields.number<uint64_t>(), delay = fields.number<uint64_t>(), slices = fields.number<uint64_t>();
  if (!on_cpu || !delay || !slices) return tl::unexpected(lines.expected("three numbers"));
  return PidSchedstat{*on_cpu, *delay, *slices};
}

}  // namespace ec
