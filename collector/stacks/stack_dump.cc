#include "collector/stacks/stack_dump.h"

#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>

#include "collector/base/text.h"
#include "collector/proc/pid_stat.h"
#include "collector/stacks/stack_pool.h"
#include "collector/target/freeze.h"
#include "collector/target/obstacles.h"
#include "collector/target/quiet_copy.h"
#include "collector/target/stop_effect.h"
#include "collector/target/task_dir.h"

namespace ec {

namespace {

constexpr int64_t kStopCostNs = 12'000;  // per thread stopped together, copying included (measured: 10 µs)

class Dump {
 public:
  Dump(const DumpRequest& request, TaskDir tasks, std::vector<pid_t> tids, AddressSpace space)
      : request_(request),
        tasks_(std::move(tasks)),
        tids_(std::move(tids)),
        memory_(request.live_tid),
        copier_(tasks_, memory_) {
    // The modules are used after this object is gone.
    auto may_open = [may_try = request.may_try](const std::string& path) {
      return !may_try || may_try(path.empty() ? "code of programs" : "file " + path);
    };
    result_.modules = std::make_unique<Modules>(request.live_tid, std::move(space), may_open);
    result_.modules->search_debug_files(request.debug_directories);
    unwinder_ = std::make_unique<Unwinder>(*result_.modules);
  }

  StackDump run() {
    choose_mode();
    std::vector<pid_t> to_stop;
    if (result_.mode == DumpMode::kConsistent) {
      to_stop = tids_;
    } else {
      for (pid_t tid : tids_) read_quietly(tid, to_stop);
    }
    if (!to_stop.empty() && result_.mode != DumpMode::kNoStop) stop(std::move(to_stop));
    std::sort(result_.threads.begin(), result_.threads.end(),
              [](const DumpedThread& a, const DumpedThread& b) { return a.tid < b.tid; });
    for (const DumpedThread& thread : result_.threads)
      if (thread.read_by == DumpedThread::ReadBy::kNoStop) ++result_.threads_read_without_stop;
    return std::move(result_);
  }

 private:
  void choose_mode() {
    result_.mode = request_.mode;
    if (request_.mode == DumpMode::kNoStop) return;
    if (std::string obstacle = obstacle_to_stopping(request_.pid, request_.live_tid); !obstacle.empty()) {
      result_.mode = DumpMode::kNoStop;
      result_.why_gentler = obstacle;
      return;
    }
    auto estimate = nanoseconds(kStopCostNs * static_cast<int64_t>(tids_.size()));
    if (request_.mode == DumpMode::kConsistent && estimate > request_.max_pause) {
      result_.mode = DumpMode::kAuto;
      result_.why_gentler = fmt::format("stopping {} threads together was estimated at {}, above the budget of {}",
                                        tids_.size(), human_duration(std::chrono::duration<double>(estimate).count()),
                                        human_duration(std::chrono::duration<double>(request_.max_pause).count()));
    }
  }

  // A leader that ended before the others stays as a zombie, without a stack.
  bool has_ended(const QuietCopier::Copy& copy, pid_t tid) {
    if (copy.outcome != QuietCopier::Outcome::kFailed || copy.call.stack_pointer != 0) return false;
    auto text = tasks_.read(tid, "stat");
    auto stat = text ? parse_pid_stat("stat", *text) : fail(ErrorCode::kGone, "", "");
    return !stat || stat->zombie();
  }

  bool may(const std::string& what) { return !request_.may_try || request_.may_try(what); }
  bool may_unwind(pid_t tid) { return may(fmt::format("thread {}", tid)); }

  DumpedThread& thread_of(pid_t tid) {
    auto [place, added] = by_tid_.emplace(tid, result_.threads.size());
    if (added) result_.threads.emplace_back().tid = tid;
    return result_.threads[place->second];
  }

  void read_quietly(pid_t tid, std::vector<pid_t>& to_stop) {
    if (read_until_.passed()) {
      thread_of(tid).note = "the time for stacks was used up before this thread";
      return;
    }
    QuietCopier::Copy copy = copier_.copy(tid, result_.modules->space(), room_.first(), kStackCap);
    if (copy.outcome == QuietCopier::Outcome::kGone || has_ended(copy, tid)) return;
    DumpedThread& thread = thread_of(tid);
    if (waits_on_futex(copy.call)) read_futex(tid, copy.call.arguments[0]);
    switch (copy.outcome) {
      case QuietCopier::Outcome::kRunning:
        thread.note = "it was running";
        break;
      case QuietCopier::Outcome::kChanged:
        thread.note = "it ran each time it was copied";
        break;
      case QuietCopier::Outcome::kFailed:
        thread.note = copy.error.message();
        break;
      case QuietCopier::Outcome::kGone:
        return;
      case QuietCopier::Outcome::kCopied:
        if (unwind_quiet_copy(thread, copy)) return;
        break;
    }
    to_stop.push_back(tid);
  }

  // False when only a stop would give the whole stack, and a stop does no harm.
  bool unwind_quiet_copy(DumpedThread& thread, const QuietCopier::Copy& copy) {
    Registers registers;
    registers.set(Register::kRip, copy.call.program_counter);
    registers.set(Register::kRsp, copy.call.stack_pointer);
    // The arguments still stand in the registers they were passed in.
    constexpr std::array kArguments{Register::kRdi, Register::kRsi, Register::kRdx,
                                    Register::kR10, Register::kR8,  Register::kR9};
    for (size_t i = 0; copy.call.number >= 0 && i < kArguments.size(); ++i)
      registers.set(kArguments[i], copy.call.arguments[i]);
    std::vector<StackBytes> copies{{copy.address, room_.first(), copy.size}};
    PcStack stack = unwind(thread.tid, registers, std::move(copies), [&](uint64_t address, char* to, size_t size) {
      return copier_.copy_more(thread.tid, copy.mark, address, to, size);
    });
    bool wants_stop = stack.needs_registers && stack.end != StackEnd::kRoot && result_.mode != DumpMode::kNoStop;
    bool harmless = copy.call.number < 0 || survives_stop(copy.call, request_.pid) ||
                    (request_.restart_interrupted && can_start_again(copy.call.number));
    if (stack.needs_registers && !(wants_stop && harmless))
      thread.note = fmt::format(
          "{}: its registers are known only after a stop, which would have interrupted its system call "
          "(--restart-eintr "
          "allows it where the call can start again)",
          stack.end == StackEnd::kOtherStack ? "it goes on on another stack" : "outer frames were searched for");
    thread.read_by = DumpedThread::ReadBy::kNoStop;
    thread.stack = pool_.add(std::move(stack));
    return !(wants_stop && harmless);
  }

  PcStack unwind(pid_t tid, const Registers& registers, std::vector<StackBytes> copies, const FetchStack& fetch) {
    if (!may_unwind(tid))
      return PcStack{{{registers.pc(), FoundBy::kRegisters, false}}, StackEnd::kNoUnwindInfo, false, 0};
    return room_.unwind(*unwinder_, result_.modules->space(), registers, std::move(copies), fetch);
  }

  // By its executable, which is mapped first.
  bool is_go_program() {
    for (const Region& region : result_.modules->space().regions)
      if (region.executable && region.inode != 0) {
        Module* module = result_.modules->at(region.begin);
        return module && module->image && module->image->is_go();
      }
    return false;
  }

  void read_futex(pid_t tid, uint64_t address) {
    auto read = [this](uint64_t from, char* to, size_t size) { return memory_.read(from, to, size); };
    if (auto word = read_futex_word(tid, address, read)) result_.futexes.push_back(std::move(*word));
  }

  void stop(std::vector<pid_t> tids) {
    FreezeRequest freeze;
    freeze.pid = request_.pid;
    freeze.live_tid = request_.live_tid;
    freeze.tids = std::move(tids);
    freeze.go = is_go_program();
    freeze.together = result_.mode == DumpMode::kConsistent;
    freeze.restart = request_.restart_interrupted ? RestartCalls::kAll
                     : freeze.together            ? RestartCalls::kNone
                                                  : RestartCalls::kEpoll;
    freeze.budget = request_.max_pause;
    if (!may("stop of threads")) return;
    // The process of the freeze itself gets longer than the pause: attaching comes before it.
    freeze.deadline =
        Deadline::in(request_.max_pause + milliseconds(500 + freeze.tids.size() / 10)).earlier_of(request_.deadline);
    auto frozen = freeze_and_copy(freeze, result_.modules->space());
    if (!frozen) {
      result_.mode = DumpMode::kNoStop;
      result_.why_gentler = frozen.error().message();
    } else {
      result_.stop_ns = frozen->stop_ns;
      result_.worst_thread_ns = frozen->worst_ns;
      if (frozen->cut_short) result_.why_gentler = "the stop took longer than its deadline and was ended";
      // Libraries may have been loaded since the first look.
      if (auto space = read_address_space(request_.pid, request_.live_tid)) result_.modules->update(std::move(*space));
      for (const FrozenThread& thread : frozen->threads) take(thread, *frozen);
    }
    // Whom the stop did not reach: read what can be read without it.
    if (freeze.together)
      for (pid_t tid : freeze.tids)
        if (auto known = by_tid_.find(tid); known == by_tid_.end() || !result_.threads[known->second].stack) {
          std::string note = known == by_tid_.end() ? std::string{} : result_.threads[known->second].note;
          std::vector<pid_t> ignored;
          read_quietly(tid, ignored);
          if (auto now = by_tid_.find(tid); now != by_tid_.end() && !note.empty())
            result_.threads[now->second].note = note;
        }
  }

  void take(const FrozenThread& frozen, const FreezeResult& all) {
    if (frozen.outcome == FreezeOutcome::kGone) return;
    DumpedThread& thread = thread_of(frozen.tid);
    thread.pause_ns = frozen.pause_ns;
    thread.interrupted_call = frozen.interrupted_call;
    if (frozen.pause_ns > 0) ++result_.threads_stopped;
    if (frozen.interrupted_call) ++result_.calls_interrupted;
    switch (frozen.outcome) {
      case FreezeOutcome::kCopied:
        break;
      case FreezeOutcome::kNotStopped:
        thread.note = "it did not stop in time";
        return;
      case FreezeOutcome::kUnstoppable:
        thread.note = "it is in uninterruptible sleep or ending: it was not asked to stop";
        return;
      case FreezeOutcome::kRefused:
        thread.note = sys_error("ptrace", frozen.error).message();
        return;
      case FreezeOutcome::kOverBudget:
        thread.note = "the pause budget was used up before its turn";
        if (result_.why_gentler.empty())
          result_.why_gentler = "the pause budget was used up: some threads were not stopped";
        return;
      case FreezeOutcome::kGone:
        return;
    }
    TaskSyscall call;
    call.number = frozen.call;
    call.arguments[0] = frozen.registers.get(Register::kRdi).value_or(0);
    call.arguments[1] = frozen.registers.get(Register::kRsi).value_or(0);
    if (result_.mode == DumpMode::kConsistent && waits_on_futex(call)) read_futex(frozen.tid, call.arguments[0]);
    std::vector<StackBytes> copies = all.copies(frozen);
    Registers registers = frozen.registers;
    // Where no goroutine was found during the stop, none must be looked for later: it may be another one by then.
    if (frozen.piece_count == 0) registers.forget(Register::kFsBase);
    bool late = false;
    PcStack stack = unwind(frozen.tid, registers, std::move(copies), [&](uint64_t address, char* to, size_t size) {
      late = true;
      return memory_.read(address, to, size);
    });
    thread.note = frozen.born_late        ? "it was born during the attach"
                  : late                  ? "its outer frames were read after it ran on"
                  : frozen.restarted_call ? "its wait was made to start again after the stop"
                                          : "";
    // A stack that was read without the stop and is longer stays.
    if (thread.stack && result_.stacks[*thread.stack].frames.size() > stack.frames.size() &&
        stack.end != StackEnd::kRoot)
      return;
    thread.read_by = DumpedThread::ReadBy::kPtrace;
    thread.stack = pool_.add(std::move(stack));
  }

  const DumpRequest& request_;
  // Enough stays for stops, for names and for handing the result over.
  const Deadline read_until_ = request_.deadline.after_share(0.5);
  TaskDir tasks_;
  std::vector<pid_t> tids_;
  TargetMemory memory_;
  QuietCopier copier_;
  StackDump result_;
  std::unique_ptr<Unwinder> unwinder_;
  StackRoom room_;
  std::unordered_map<pid_t, size_t> by_tid_;
  StackPool pool_{result_.stacks};
};

}  // namespace

std::string_view to_string(DumpMode mode) {
  switch (mode) {
    case DumpMode::kAuto:
      return "auto";
    case DumpMode::kConsistent:
      return "consistent";
    case DumpMode::kNoStop:
      return "no-stop";
  }
  return {};
}

std::string_view to_string(DumpedThread::ReadBy read_by) {
  switch (read_by) {
    case DumpedThread::ReadBy::kNoStop:
      return "no-stop";
    case DumpedThread::ReadBy::kPtrace:
      return "ptrace";
    case DumpedThread::ReadBy::kProc:
      return "proc";
    case DumpedThread::ReadBy::kCore:
      return "core";
  }
  return {};
}

std::optional<FutexWord> read_futex_word(pid_t tid, uint64_t address, const FetchStack& read) {
  constexpr uint64_t kBefore = 48, kBytes = 112;
  if (address < kBefore) return std::nullopt;
  FutexWord word{tid, address, std::string(kBytes, '\0')};
  word.bytes.resize(read(address - kBefore, word.bytes.data(), kBytes));
  if (word.bytes.size() <= kBefore) return std::nullopt;
  return word;
}

Result<StackDump> dump_stacks(const DumpRequest& request) {
  auto tasks = TaskDir::open(request.pid);
  if (!tasks) return tl::unexpected(tasks.error());
  auto tids = tasks->list();
  if (!tids) return tl::unexpected(tids.error());
  auto space = read_address_space(request.pid, request.live_tid);
  if (!space) return tl::unexpected(space.error());
  return Dump(request, std::move(*tasks), std::move(*tids), std::move(*space)).run();
}

}  // namespace ec
