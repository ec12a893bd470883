#include "collector/runtimes/goroutines.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>

#include "collector/runtimes/go_stack.h"

namespace ec {

namespace {

constexpr uint32_t kScanBit = 0x1000;
constexpr size_t kBatch = 512;
constexpr size_t kFirstCopy = 4096;  // of each stack
constexpr int kTries = 3;
constexpr uint64_t kLargestStack = uint64_t{1} << 30;  // Go ends a program above it

uint64_t word_at(std::string_view bytes, size_t offset) {
  uint64_t value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// Where the stack of a goroutine that does not run begins.
struct Start {
  uint64_t sp = 0, pc = 0;
};
std::optional<Start> saved_context(const GoroutineRecord& record, const GoProgram& program) {
  Start start{record.sp, record.pc};
  if (record.status == kGoSyscall && record.syscall_sp != 0) start = {record.syscall_sp, record.syscall_pc};
  // A running one has saved itself only while its thread works for it on the system stack.
  if (record.status == kGoRunning) {
    auto function = program.functions.at(record.pc - program.bias);
    if (!function || !function->name.starts_with("runtime.systemstack_switch")) return std::nullopt;
  }
  if (start.sp < record.stack_begin || start.sp >= record.stack_end || start.sp % 8 != 0) return std::nullopt;
  return start;
}

// The order of reading: every 16th first, so that what was read when the time is up is spread evenly.
size_t spread(size_t i, size_t count) {
  size_t passes = std::min<size_t>(16, count), longer = count % passes, length = count / passes;
  size_t of_longer = longer * (length + 1);
  return i < of_longer ? i % (length + 1) * passes + i / (length + 1)
                       : (i - of_longer) % length * passes + longer + (i - of_longer) / length;
}

struct AllGoroutines {
  uint64_t claimed = 0;  // as many as the list says that it has
  std::vector<uint64_t> addresses;
};

// The runtime replaces the list by a larger copy when it grows; the old one stays as it was.
Result<AllGoroutines> addresses_of_all(const GoProgram& program, RuntimeMemory& memory) {
  auto slice = memory.at<GoSlice>(program.all_goroutines);
  if (!slice || !slice->plausible())
    return fail(ErrorCode::kGone, "goroutines", "the list of goroutines could not be read");
  // What a million goroutines take is 8 MB; a list that claims more than could be read is cut.
  constexpr uint64_t kLongestList = 8'000'000;
  AllGoroutines all{slice->length, std::vector<uint64_t>(std::min(slice->length, kLongestList))};
  all.addresses.resize(memory.read(slice->data, all.addresses.data(), all.addresses.size() * 8) / 8);
  return all;
}

class Reader {
 public:
  Reader(const GoProgram& program, RuntimeMemory& memory, const GoroutineLimits& limits)
      : program_(program), memory_(memory), limits_(limits), walker_(program, memory) {}

  Result<ReadGoroutines> run() {
    auto pointers = list();
    if (!pointers) return tl::unexpected(pointers.error());
    size_t wanted = std::min(pointers->size(), limits_.goroutines);
    for (size_t begin = 0; begin < wanted; begin += kBatch) {
      if (limits_.deadline.passed()) {
        leave_out(pointers->size() - begin, "the time was up");
        return std::move(result_);
      }
      std::vector<uint64_t> batch;
      for (size_t i = begin; i < std::min(wanted, begin + kBatch); ++i)
        batch.push_back((*pointers)[spread(i, wanted) * pointers->size() / wanted]);
      read_batch(batch, kTries);
    }
    if (wanted < pointers->size()) leave_out(pointers->size() - wanted, "there are too many of them");
    return std::move(result_);
  }

 private:
  void leave_out(size_t count, std::string_view why) {
    result_.left_out += count;
    result_.why_left_out = why;
  }

  Result<std::vector<uint64_t>> list() {
    auto list = addresses_of_all(program_, memory_);
    if (!list) return tl::unexpected(list.error());
    result_.total = list->claimed;
    if (list->addresses.size() < list->claimed)
      leave_out(list->claimed - list->addresses.size(), "the list of goroutines could not be read to its end");
    return std::move(list->addresses);
  }

  std::vector<std::optional<GoroutineRecord>> records(const std::vector<uint64_t>& addresses) {
    size_t size = program_.layout.size();
    buffer_.resize(addresses.size() * size);
    spans_.clear();
    for (size_t i = 0; i < addresses.size(); ++i) spans_.push_back({addresses[i], buffer_.data() + i * size, size, 0});
    memory_.read_all(spans_);
    std::vector<std::optional<GoroutineRecord>> found;
    for (const RuntimeMemory::Span& span : spans_)
      found.push_back(span.copied == size
                          ? read_goroutine(span.address, {span.destination, span.copied}, program_.layout)
                          : std::nullopt);
    return found;
  }

  // The goroutines, their stacks, and the goroutines again.
  void read_batch(const std::vector<uint64_t>& addresses, int tries) {
    auto before = records(addresses);
    std::vector<Start> starts(addresses.size());
    std::vector<size_t> copied;  // indices into addresses, parallel to spans_
    stack_buffer_.resize(addresses.size() * kFirstCopy);
    spans_.clear();
    for (size_t i = 0; i < addresses.size(); ++i) {
      auto start = before[i] && before[i]->status != kGoDead ? saved_context(*before[i], program_) : std::nullopt;
      if (!start) continue;
      starts[i] = *start;
      size_t size = std::min<uint64_t>(kFirstCopy, before[i]->stack_end - start->sp);
      spans_.push_back({start->sp, stack_buffer_.data() + i * kFirstCopy, size, 0});
      copied.push_back(i);
    }
    memory_.read_all(spans_);
    std::vector<std::optional<GoPcStack>> stacks(addresses.size());
    for (size_t n = 0; n < copied.size(); ++n) {
      size_t i = copied[n];
      if (spans_[n].copied < 8) continue;
      stacks[i] =
          walker_.walk(starts[i].pc, starts[i].sp, before[i]->stack_end, {spans_[n].destination, spans_[n].copied});
    }
    auto after = records(addresses);
    std::vector<uint64_t> again;
    for (size_t i = 0; i < addresses.size(); ++i) {
      if (!after[i]) {
        leave_out(1, "some could not be read");
      } else if (after[i]->status == kGoDead) {
        ++result_.ended;
      } else if (before[i] == after[i]) {
        keep(*after[i], std::move(stacks[i]));
      } else if (tries > 1) {
        again.push_back(addresses[i]);
      } else {
        keep(*after[i], std::nullopt, after[i]->status != kGoRunning);
      }
    }
    if (!again.empty()) read_batch(again, tries - 1);
  }

  void keep(const GoroutineRecord& record, std::optional<GoPcStack> stack, bool changed = false) {
    ReadGoroutine& kept = result_.goroutines.emplace_back();
    kept.record = record;
    if (record.machine != 0 && (record.status == kGoRunning || record.status == kGoSyscall))
      kept.thread_id = memory_.at<uint64_t>(record.machine + program_.layout.m_thread).value_or(0);
    auto number = stack ? intern(std::move(*stack)) : std::nullopt;
    if (number) kept.stack = *number;
    kept.outcome = number                        ? ReadGoroutine::Stack::kRead
                   : changed                     ? ReadGoroutine::Stack::kChanged
                   : record.status == kGoRunning ? ReadGoroutine::Stack::kRunning
                                                 : ReadGoroutine::Stack::kNone;
  }

  std::optional<uint32_t> intern(GoPcStack stack) {
    std::string key(reinterpret_cast<const char*>(stack.pcs.data()), stack.pcs.size() * sizeof(uint64_t));
    key += stack.whole ? 'w' : 'c';
    auto known = known_.find(key);
    if (known != known_.end()) return known->second;
    if (frames_ + stack.pcs.size() > limits_.frames_of_stacks) return std::nullopt;
    frames_ += stack.pcs.size();
    auto number = static_cast<uint32_t>(result_.stacks.size());
    known_.emplace(std::move(key), number);
    result_.stacks.push_back(std::move(stack));
    return number;
  }

  const GoProgram& program_;
  RuntimeMemory& memory_;
  const GoroutineLimits& limits_;
  GoStackWalker walker_;
  ReadGoroutines result_;
  std::string buffer_, stack_buffer_;
  std::vector<RuntimeMemory::Span> spans_;
  std::unordered_map<std::string, uint32_t> known_;
  size_t frames_ = 0;
};

}  // namespace

std::string_view go_status_word(uint32_t status) {
  constexpr std::array<std::string_view, 10> kWords{"idle", "runnable", "running", "syscall",   "waiting",
                                                    "",     "dead",     "",        "copystack", "preempted"};
  return status < kWords.size() ? kWords[status] : std::string_view{};
}

std::optional<GoroutineRecord> read_goroutine(uint64_t address, std::string_view bytes, const GoLayout& layout) {
  if (bytes.size() < layout.size()) return std::nullopt;
  GoroutineRecord record;
  record.address = address;
  record.stack_begin = word_at(bytes, 0);
  record.stack_end = word_at(bytes, 8);
  record.machine = word_at(bytes, layout.m);
  record.sp = word_at(bytes, layout.sched_sp);
  record.pc = word_at(bytes, layout.sched_pc);
  record.syscall_sp = word_at(bytes, layout.syscall_sp);
  record.syscall_pc = word_at(bytes, layout.syscall_pc);
  std::memcpy(&record.status, bytes.data() + layout.status, sizeof record.status);
  record.status &= ~kScanBit;
  record.id = word_at(bytes, layout.id);
  record.wait_since_ns = static_cast<int64_t>(word_at(bytes, layout.wait_since));
  record.wait_reason = static_cast<uint8_t>(bytes[layout.wait_reason]);
  record.creator_pc = word_at(bytes, layout.creator_pc);
  record.start_pc = word_at(bytes, layout.start_pc);
  record.waiting = word_at(bytes, layout.waiting);
  // gobuf.g points back to its goroutine. One that ended may have given its stack away.
  bool no_stack = record.stack_begin == 0 && record.stack_end == 0;
  bool stack = record.stack_begin < record.stack_end && record.stack_end - record.stack_begin <= kLargestStack;
  if (word_at(bytes, layout.sched_g) != address || go_status_word(record.status).empty() || !(stack || no_stack))
    return std::nullopt;
  return record;
}

Result<ReadGoroutines> read_goroutines(const GoProgram& program, RuntimeMemory& memory, const GoroutineLimits& limits) {
  return Reader(program, memory, limits).run();
}

Result<uint64_t> count_goroutines(const GoProgram& program, RuntimeMemory& memory) {
  auto all = addresses_of_all(program, memory);
  if (!all) return tl::unexpected(all.error());
  uint64_t count = 0;
  std::vector<uint32_t> status(kBatch);
  std::vector<RuntimeMemory::Span> spans;
  for (size_t begin = 0; begin < all->addresses.size(); begin += kBatch) {
    spans.clear();
    for (size_t i = begin; i < std::min(all->addresses.size(), begin + kBatch); ++i)
      spans.push_back({all->addresses[i] + program.layout.status, reinterpret_cast<char*>(&status[i - begin]),
                       sizeof status[0], 0});
    memory.read_all(spans);
    for (size_t i = 0; i < spans.size(); ++i) {
      uint32_t word = status[i] & ~kScanBit;
      if (spans[i].copied == spans[i].size && word != kGoDead && word != kGoIdle) ++count;
    }
  }
  return count;
}

}  // namespace ec
