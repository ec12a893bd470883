#include "collector/target/quiet_copy.h"

#include <algorithm>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr uint64_t kRedZone = 128;
constexpr int kAttempts = 4;

}  // namespace

StackRange stack_range(const AddressSpace& space, uint64_t sp, size_t cap) {
  if (sp < kRedZone) return {};
  uint64_t begin = (sp - kRedZone) & ~uint64_t{7};
  const Region* region = space.find(sp);
  if (region && !region->readable) {
    uint64_t above = region->end;
    region = space.find(above);
    if (!region) return {};
    begin = std::max(begin, above);
  }
  // A stack that was mapped after the address space was read: the copy itself finds the end.
  if (!region) return {begin, cap};
  begin = std::max(begin, region->begin);
  return {begin, static_cast<size_t>(std::min<uint64_t>(cap, region->end - begin))};
}

// A file that is read before and after a copy is opened once.
Result<std::string_view> QuietCopier::read_again(pid_t tid, const char* file) {
  if (mark_.tid != tid || mark_.file != file) {
    auto fd = tasks_.open_file(tid, file);
    if (!fd) return tl::unexpected(std::move(fd.error()));
    mark_ = {tid, file, std::move(*fd)};
  }
  return tasks_.read(mark_.fd, tid, file);
}

// The bytes that change whenever the thread is put on a CPU.
Result<std::string> QuietCopier::run_mark(pid_t tid) {
  if (schedstat_counts_) {
    auto text = read_again(tid, "schedstat");
    if (!text && text.error().code == ErrorCode::kGone) return tl::unexpected(text.error());
    // Third field: how often it was put on a CPU; 0 when the kernel does not count (it has run at least once).
    if (text) {
      FieldCursor fields(trim(*text));
      fields.word();
      fields.word();
      if (fields.number<uint64_t>().value_or(0) > 0) return std::string(*text);
    }
    schedstat_counts_ = false;
  }
  auto text = read_again(tid, "status");
  if (!text) return tl::unexpected(text.error());
  size_t switches = text->find("voluntary_ctxt_switches");
  return std::string(text->substr(std::min(switches, text->size())));
}

QuietCopier::Copy QuietCopier::attempt(pid_t tid, const AddressSpace& space, char* buffer, size_t capacity) {
  Copy copy;
  auto failed = [&](const Error& error) {
    copy.outcome = error.code == ErrorCode::kGone ? Outcome::kGone : Outcome::kFailed;
    copy.error = error;
    return copy;
  };
  auto before = run_mark(tid);
  if (!before) return failed(before.error());
  auto text = tasks_.read(tid, "syscall");
  if (!text) return failed(text.error());
  auto call = parse_task_syscall("syscall", *text);
  if (!call) return failed(call.error());
  copy.call = *call;
  if (call->running) {
    copy.outcome = Outcome::kRunning;
    return copy;
  }
  StackRange range = stack_range(space, call->stack_pointer, capacity);
  copy.address = range.address;
  copy.size = memory_.read(range.address, buffer, range.size);
  if (copy.size == 0)
    copy.error = sys_error(fmt::format("stack of thread {} at {:#x}", tid, call->stack_pointer), memory_.last_errno());
  // Context switches are counted when a thread leaves a CPU: one that runs at this moment is seen only by asking again.
  if (!schedstat_counts_) {
    auto again = tasks_.read(tid, "syscall");
    auto call_again = again ? parse_task_syscall("syscall", *again) : fail(ErrorCode::kGone, "", "");
    if (!call_again || !(*call_again == *call)) {
      copy.outcome = Outcome::kChanged;
      return copy;
    }
  }
  auto after = run_mark(tid);
  if (!after) return failed(after.error());
  copy.outcome = *before != *after ? Outcome::kChanged : copy.size == 0 ? Outcome::kFailed : Outcome::kCopied;
  copy.mark = std::move(*after);
  return copy;
}

QuietCopier::Copy QuietCopier::copy(pid_t tid, const AddressSpace& space, char* buffer, size_t capacity) {
  Copy copy;
  for (int i = 0; i < kAttempts; ++i) {
    copy = attempt(tid, space, buffer, capacity);
    if (copy.outcome != Outcome::kChanged) break;
  }
  return copy;
}

size_t QuietCopier::copy_more(pid_t tid, const std::string& mark, uint64_t address, char* buffer, size_t size) {
  size_t copied = memory_.read(address, buffer, size);
  auto now = run_mark(tid);
  return now && *now == mark ? copied : 0;
}

}  // namespace ec
