#include "collector/collectors/goroutines.h"

#include <time.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "collector/base/text.h"
#include "collector/collectors/go_target.h"
#include "collector/collectors/target_source.h"
#include "collector/runtimes/go_channels.h"
#include "collector/runtimes/goroutines.h"
#include "collector/target/task_dir.h"
#include "symbolize/go_pclntab.h"

namespace ec {

namespace {

constexpr std::string_view kPath = "raw/goroutines.txt";

int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Turns program counters into named frames; the same one is asked for many times.
class Namer {
 public:
  Namer(const GoProgram& program, std::shared_ptr<const ElfFile> elf, RuntimeGoroutines& all)
      : program_(program), lines_(GoFunctions::find(std::move(elf))), all_(all) {}

  // As in a Go traceback: functions that the compiler made around another one, unless that one panicked.
  bool hides(uint64_t pc, const std::vector<uint32_t>& inner) const {
    auto function = program_.functions.at(pc - program_.bias);
    if (program_.wrapper_kind == 0 || !function || function->kind != program_.wrapper_kind) return false;
    std::string_view callee = inner.empty() ? std::string_view{} : all_.frames[inner.back()].function;
    return callee != "runtime.gopanic" && callee != "runtime.sigpanic" && callee != "runtime.panicwrap";
  }
  // Indices into frames, innermost first: several where functions were inlined.
  const std::vector<uint32_t>& frames(uint64_t pc) {
    auto [place, added] = known_.try_emplace(pc);
    if (!added) return place->second;
    auto function = program_.functions.at(pc - program_.bias);
    // A return address belongs to the call before it; a goroutine that never ran has its first instruction.
    uint64_t address = pc - program_.bias - (function && pc - program_.bias > function->entry ? 1 : 0);
    if (lines_)
      for (SourceFrame& frame : lines_->source(address)) {
        place->second.push_back(static_cast<uint32_t>(all_.frames.size()));
        all_.frames.push_back({pc, std::move(frame.function), std::move(frame.file), frame.line, frame.inlined});
      }
    if (place->second.empty()) {
      place->second.push_back(static_cast<uint32_t>(all_.frames.size()));
      all_.frames.push_back({pc, function ? std::string(function->name) : std::string{}, "", 0, false});
    }
    return place->second;
  }

 private:
  const GoProgram& program_;
  std::optional<GoFunctions> lines_;
  RuntimeGoroutines& all_;
  std::unordered_map<uint64_t, std::vector<uint32_t>> known_;
};

std::string state_of(const GoroutineRecord& record, const GoProgram& program) {
  if (record.status == kGoWaiting && record.wait_reason != 0 && record.wait_reason < program.wait_reasons.size())
    return program.wait_reasons[record.wait_reason];
  return std::string(go_status_word(record.status));
}

// As runtime.isSystemGoroutine has it, which also counts the one that runs finalizers.
bool of_runtime(const GoroutineRecord& record, const GoProgram& program) {
  auto function = program.functions.at(record.start_pc - program.bias);
  return function && function->name.starts_with("runtime.") && function->name != "runtime.main" &&
         function->name != "runtime.handleAsyncEvent";
}

std::string_view note_of(ReadGoroutine::Stack outcome) {
  switch (outcome) {
    case ReadGoroutine::Stack::kRead:
      return "";
    case ReadGoroutine::Stack::kRunning:
      return "it was running";
    case ReadGoroutine::Stack::kChanged:
      return "it ran each time it was read";
    case ReadGoroutine::Stack::kNone:
      return "its stack could not be read";
  }
  return {};
}

// A core has them as the program itself saw them.
std::map<uint64_t, int> same_numbers(const ReadGoroutines& read) {
  std::map<uint64_t, int> numbers;
  for (const ReadGoroutine& each : read.goroutines)
    if (each.thread_id != 0 && each.thread_id <= INT32_MAX)
      numbers.emplace(each.thread_id, static_cast<int>(each.thread_id));
  return numbers;
}

// `now`: on the clock of the program; 0 = its clock stands still, and how long anything waits is not known.
RuntimeGoroutines named(const GoProgram& program, const ReadGoroutines& read, std::shared_ptr<const ElfFile> elf,
                        const std::map<uint64_t, int>& tids, const GoChannels& channels, int64_t now) {
  RuntimeGoroutines all;
  all.version = program.version;
  all.layout = program.layout.from;
  all.listed = read.total;
  all.ended = read.ended;
  all.left_out = read.left_out;
  all.why_left_out = read.why_left_out;
  Namer namer(program, std::move(elf), all);
  for (const GoPcStack& stack : read.stacks) {
    GoStack& fresh = all.stacks.emplace_back();
    fresh.whole = stack.whole;
    for (uint64_t pc : stack.pcs) {
      // runtime.goexit only says where it ends.
      if (stack.whole && pc == stack.pcs.back() && stack.pcs.size() > 1) break;
      if (namer.hides(pc, fresh.frames)) continue;
      const auto& frames = namer.frames(pc);
      fresh.frames.insert(fresh.frames.end(), frames.begin(), frames.end());
    }
  }
  for (const ReadGoroutine& each : read.goroutines) {
    const GoroutineRecord& record = each.record;
    Goroutine& one = all.goroutines.emplace_back();
    one.id = record.id;
    one.state = state_of(record, program);
    bool waits = record.status == kGoWaiting || record.status == kGoSyscall;
    if (waits && record.wait_since_ns > 0 && record.wait_since_ns <= now)
      one.waiting_seconds = static_cast<double>(now - record.wait_since_ns) / 1e9;
    // The runtime itself began the first.
    if (record.creator_pc != 0 && record.id != 1) one.creator = namer.frames(record.creator_pc).back();
    if (each.outcome == ReadGoroutine::Stack::kRead) one.stack = each.stack;
    if (auto tid = tids.find(each.thread_id); tid != tids.end()) one.tid = tid->second;
    one.system = of_runtime(record, program);
    one.note = note_of(each.outcome);
    if (auto channel = channels.find(record.id); channel != channels.end())
      one.channel = {channel->second.address, channel->second.element_bytes, channel->second.others};
  }
  return all;
}

// The runtime knows its threads by their numbers in its own PID namespace: the last field of NSpid, proc(5).
std::map<uint64_t, int> threads_by_their_own_number(const TargetIdentity& target, const ReadGoroutines& read) {
  std::map<uint64_t, int> wanted;
  for (const ReadGoroutine& each : read.goroutines)
    if (each.thread_id != 0) wanted.emplace(each.thread_id, 0);
  if (wanted.empty()) return wanted;
  auto tasks = TaskDir::open(target.pid);
  auto tids = tasks ? tasks->list() : fail(ErrorCode::kGone, "", "");
  if (!tids) return {};
  auto own_number = [&](pid_t tid) -> uint64_t {
    auto status = tasks->read(tid, "status");
    size_t at = status ? status->find("\nNSpid:") : std::string::npos;
    if (at == std::string::npos) return static_cast<uint64_t>(tid);  // before Linux 4.1
    std::string_view line = std::string_view(*status).substr(at + 7);
    auto fields = split_fields(line.substr(0, line.find('\n')));
    return fields.empty() ? 0 : parse_number<uint64_t>(fields.back()).value_or(0);
  };
  // In the same namespace, which the leader tells, they are the same numbers.
  bool same = own_number(target.pid) == static_cast<uint64_t>(target.pid);
  for (pid_t tid : *tids) {
    auto found = wanted.find(same ? static_cast<uint64_t>(tid) : own_number(tid));
    if (found != wanted.end()) found->second = tid;
  }
  return wanted;
}

}  // namespace

void add_running_stacks(const Stacks& stacks, RuntimeGoroutines& all) {
  for (Goroutine& one : all.goroutines) {
    if (one.stack || one.tid == 0 || one.state != "running") continue;
    auto thread = std::lower_bound(stacks.threads.begin(), stacks.threads.end(), one.tid,
                                   [](const ThreadStack& each, int tid) { return each.tid < tid; });
    if (thread == stacks.threads.end() || thread->tid != one.tid || !thread->stack) continue;
    GoStack stack;
    for (uint32_t index : stacks.stacks[*thread->stack].frames) {
      const Frame& frame = stacks.frames[index];
      stack.whole = frame.symbol.starts_with("runtime.goexit");
      if (stack.whole) break;
      stack.frames.push_back(static_cast<uint32_t>(all.frames.size()));
      all.frames.push_back({frame.pc, frame.symbol, frame.file, frame.line, false});
    }
    one.stack = static_cast<uint32_t>(all.stacks.size());
    one.note = fmt::format("the stack is that of thread {}{}", one.tid,
                           thread->read_by == "core" ? "" : ", read a moment earlier");
    all.stacks.push_back(std::move(stack));
  }
}

void gather_goroutines(GatherContext& context) {
  const TargetIdentity& target = *context.target;
  const bool live = !context.options.core;
  const std::string source = source_of(context) + (live ? fmt::format(", /proc/{}/exe", target.pid) : "");
  auto go = open_go_target(context);
  if (!go) return context.out.failed(kPath, source, go.error());
  if (!*go) return;
  const GoProgram& program = (*go)->program;
  GoroutineLimits limits;
  // Enough of the budget stays for names and for handing the result over.
  limits.deadline = context.deadline.after_share(0.5);
  auto read = read_goroutines(program, *(*go)->memory, limits);
  if (!read) return context.out.failed(kPath, source, read.error(), fix_for(read.error(), source));
  GoChannels channels = read_channels(program, *(*go)->memory, *read, context.deadline.after_share(0.5));
  RuntimeGoroutines all =
      named(program, *read, (*go)->file, live ? threads_by_their_own_number(target, *read) : same_numbers(*read),
            channels, live ? monotonic_ns() : 0);
  std::string text = goroutines_text(all);
  if (all.left_out == 0) return context.out.artifact(kPath, source, text, Redact::kNothing);
  context.out.partial(kPath, source, text,
                      fmt::format("{} of {} goroutines were left out: {}", all.left_out, all.listed, all.why_left_out),
                      Redact::kNothing);
}

void parse_goroutines(const RawStore& store, Snapshot& snapshot) {
  auto text = store.read(kPath);
  if (!text) {
    snapshot.goroutines = text.error();
    return;
  }
  auto all = parse_goroutines_text(kPath, *text);
  if (all && snapshot.stacks) add_running_stacks(*snapshot.stacks, *all);
  snapshot.goroutines = std::move(all);
}

}  // namespace ec
