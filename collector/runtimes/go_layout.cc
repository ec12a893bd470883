#include "collector/runtimes/go_layout.h"

#include <fmt/format.h>

#include "collector/base/text.h"

namespace ec {

namespace {

struct Row {
  int first, last;  // minor versions
  uint16_t after_sched, status, reason, creator, start, thread;
};

// From src/runtime/runtime2.go of each version. Checked on a running program: 1.19. The others are computed from the
// sources, and the reader checks every goroutine against them.
//   1.17  tracking, runnableStamp and runnableTime come before gopc
//   1.21  the fields of the tracer leave, parentGoid comes
//   1.23  syscallbp comes
//   1.25  gobuf.ret leaves
constexpr Row kRows[] = {
    {16, 16, 112, 144, 176, 280, 296, 72}, {17, 20, 112, 144, 176, 296, 312, 72}, {21, 22, 112, 144, 176, 280, 296, 72},
    {23, 24, 112, 152, 184, 288, 304, 72}, {25, 25, 104, 144, 176, 280, 296, 64},
};

}  // namespace

Result<GoLayout> go_layout(std::string_view version) {
  std::string_view rest = version;
  bool one = rest.starts_with("1.");
  if (one) rest.remove_prefix(2);
  auto minor = one ? parse_number<int>(rest.substr(0, rest.find_first_not_of("0123456789"))) : std::nullopt;
  for (const Row& row : kRows)
    if (minor && row.first <= *minor && *minor <= row.last) {
      GoLayout layout;
      layout.m = 48;
      layout.sched_sp = 56;
      layout.sched_pc = 64;
      layout.sched_g = 72;
      layout.syscall_sp = row.after_sched;
      layout.syscall_pc = static_cast<uint16_t>(row.after_sched + 8);
      layout.status = row.status;
      layout.id = static_cast<uint16_t>(row.status + 8);
      layout.wait_since = static_cast<uint16_t>(row.reason - 8);
      layout.wait_reason = row.reason;
      layout.creator_pc = row.creator;
      layout.start_pc = row.start;
      layout.m_thread = row.thread;
      layout.from = fmt::format("table for Go 1.{}", *minor);
      return layout;
    }
  return fail(ErrorCode::kUnsupported, "goroutines",
              fmt::format("where Go {} keeps its goroutines is not known; known are 1.16 to 1.25",
                          version.empty() ? "of an unknown version" : printable_line(version, 40)));
}

}  // namespace ec
