#include "collector/runtimes/go_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "collector/base/text.h"
#include "symbolize/struct_members.h"

namespace ec {

namespace {

struct Row {
  int first, last;  // minor versions
  uint16_t after_sched, status, reason, creator, start, thread;
};

// From src/runtime/runtime2.go of each version. Checked on running programs and against their debug information: 1.19,
// 1.22 and 1.23. The others are computed from the sources, and the reader checks every goroutine against them.
//   1.17  tracking, runnableStamp and runnableTime come before gopc
//   1.21  the fields of the tracer leave, parentGoid comes
//   1.23  syscallbp comes
//   1.25  gobuf.ret leaves
constexpr Row kRows[] = {
    {16, 16, 112, 144, 176, 280, 296, 72}, {17, 20, 112, 144, 176, 296, 312, 72}, {21, 22, 112, 144, 176, 280, 296, 72},
    {23, 24, 112, 152, 184, 288, 304, 72}, {25, 25, 104, 144, 176, 280, 296, 64},
};

struct Field {
  MemberPath path;
  uint16_t GoLayout::*place;
};
// runtime2.go; the same names in all versions of the table.
constexpr std::array<Field, 16> kFields{{{{"runtime.g", "m"}, &GoLayout::m},
                                         {{"runtime.g", "sched.sp"}, &GoLayout::sched_sp},
                                         {{"runtime.g", "sched.pc"}, &GoLayout::sched_pc},
                                         {{"runtime.g", "sched.g"}, &GoLayout::sched_g},
                                         {{"runtime.g", "syscallsp"}, &GoLayout::syscall_sp},
                                         {{"runtime.g", "syscallpc"}, &GoLayout::syscall_pc},
                                         {{"runtime.g", "atomicstatus"}, &GoLayout::status},
                                         {{"runtime.g", "goid"}, &GoLayout::id},
                                         {{"runtime.g", "waitsince"}, &GoLayout::wait_since},
                                         {{"runtime.g", "waitreason"}, &GoLayout::wait_reason},
                                         {{"runtime.g", "gopc"}, &GoLayout::creator_pc},
                                         {{"runtime.g", "startpc"}, &GoLayout::start_pc},
                                         {{"runtime.g", "waiting"}, &GoLayout::waiting},
                                         {{"runtime.sudog", "waitlink"}, &GoLayout::sudog_link},
                                         {{"runtime.sudog", "c"}, &GoLayout::sudog_channel},
                                         {{"runtime.m", "procid"}, &GoLayout::m_thread}}};
constexpr uint64_t kFarthestField = 4096;

}  // namespace

size_t GoLayout::size() const {
  size_t end = 16;  // of stack.hi
  for (const Field& field : kFields)
    if (field.path.type == "runtime.g") end = std::max(end, size_t{this->*field.place} + 8);
  return end;
}

Result<GoLayout> go_layout_from_debug(std::shared_ptr<const ElfFile> program) {
  std::string where = program->source().name();
  std::vector<MemberPath> paths;
  paths.reserve(kFields.size());
  for (const Field& field : kFields) paths.push_back(field.path);
  auto offsets = member_offsets(std::move(program), "runtime", paths);
  if (!offsets) return tl::unexpected(offsets.error());
  GoLayout layout;
  for (size_t i = 0; i < kFields.size(); ++i) {
    auto offset = (*offsets)[i];
    if (!offset || *offset > kFarthestField)
      return fail(ErrorCode::kUnsupported, where,
                  fmt::format("expected the place of {}.{} in its debug information", kFields[i].path.type,
                              kFields[i].path.member));
    layout.*kFields[i].place = static_cast<uint16_t>(*offset);
  }
  layout.from = "debug information";
  return layout;
}

std::string difference(const GoLayout& layout, const GoLayout& other) {
  for (const Field& field : kFields)
    if (layout.*field.place != other.*field.place)
      return fmt::format("{} at {}, not {}", field.path.member, layout.*field.place, other.*field.place);
  return {};
}

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
      layout.waiting = static_cast<uint16_t>(row.start + 16);  // behind racectx
      layout.sudog_link = 64;
      layout.sudog_channel = 80;
      layout.m_thread = row.thread;
      layout.from = fmt::format("table for Go 1.{}", *minor);
      return layout;
    }
  return fail(ErrorCode::kUnsupported, "goroutines",
              fmt::format("where Go {} keeps its goroutines is not known; known are 1.16 to 1.25",
                          version.empty() ? "of an unknown version" : printable_line(version, 40)));
}

}  // namespace ec
