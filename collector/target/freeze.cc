#include "collector/target/freeze.h"

#include <elf.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <unordered_map>

#include "collector/base/text.h"
#include "collector/proc/pid_stat.h"
#include "collector/target/quiet_copy.h"
#include "collector/target/target_memory.h"
#include "collector/target/task_dir.h"

namespace ec {

namespace {

constexpr size_t kStackCap = 64 * 1024;
constexpr size_t kLateThreads = 256;  // room for threads that are born during the attach
constexpr int kListRounds = 8;
constexpr size_t kLargestArena = size_t{768} << 20;  // of address space; only touched pages take memory
constexpr size_t kPrefaultPerThread = 8 * 1024, kMostPrefault = size_t{16} << 20;
constexpr int64_t kStopWaitNs = 200'000'000;  // for one thread to get a CPU and reach its stop
// Threads asked to stop at the same time, when not together. Without real-time priority those that stop at once would
// wait for us one behind the other.
constexpr size_t kWindow = 8, kUrgentWindow = 256;
constexpr int64_t kErrnoInterrupted = -4;
constexpr int64_t kRestartNoHandler = -514;  // ERESTARTNOHAND, include/linux/errno.h

struct Header {
  std::atomic<uint32_t> count;  // entries that are complete
  std::atomic<bool> ended;
  int64_t stop_ns;
};

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// epoll_wait, epoll_pwait, epoll_pwait2 end with EINTR at any stop, though nothing was delivered; like poll(2) they can
// start again as long as no handler ran, and then the kernel itself decides that (ERESTARTNOHAND).
bool can_start_again(long call) {
  return call == SYS_epoll_pwait || call == 441
#ifdef SYS_epoll_wait
         || call == SYS_epoll_wait
#endif
      ;
}

// Real time for the few milliseconds in which the target stands still, so that nobody else's work prolongs them.
// Returns whether it was granted; without CAP_SYS_NICE it is not.
bool become_urgent() {
  sched_param urgent{};
  urgent.sched_priority = 1;
  if (sched_setscheduler(0, SCHED_FIFO, &urgent) == 0) return true;
  setpriority(PRIO_PROCESS, 0, -20);
  return false;
}

class Freezer {
 public:
  Freezer(const FreezeRequest& request, const AddressSpace& space, Header& header, FrozenThread* entries, size_t room,
          char* arena, size_t arena_size)
      : request_(request),
        space_(space),
        memory_(request.live_tid),
        header_(header),
        entries_(entries),
        room_(room),
        arena_(arena),
        arena_size_(arena_size) {}

  void run() {
    auto tasks = TaskDir::open(request_.pid);
    if (!tasks) return;
    tasks_ = std::make_unique<TaskDir>(std::move(*tasks));
    // Blocked, it stays pending and can be waited for; an ignored one would not even be sent.
    signal(SIGCHLD, SIG_DFL);
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, nullptr);
    cap_ = std::min(kStackCap, std::max<size_t>(arena_size_ / std::max<size_t>(request_.tids.size(), 1), 4096));
    // Page faults belong before the stop.
    size_t wanted = std::min({arena_size_, kMostPrefault, request_.tids.size() * kPrefaultPerThread + kStackCap});
    madvise(arena_, wanted, MADV_POPULATE_WRITE);
    urgent_ = become_urgent();
    if (request_.together)
      run_together();
    else
      run_rolling();
  }

 private:
  enum class Stop { kPending, kStopped, kGone };
  struct Tracee {
    FrozenThread entry;
    Stop stop = Stop::kPending;
    int64_t asked_ns = 0;
    int64_t stopped_ns = 0;  // when its pause began, at the latest
    int signal = 0;          // of a signal-delivery-stop: handed on at the detach
    bool attached = false;
  };

  bool stoppable(FrozenThread& entry) {
    auto text = tasks_->read(entry.tid, "stat");
    auto stat = text ? parse_pid_stat("stat", *text) : fail(ErrorCode::kGone, "", "");
    if (!stat || stat->zombie()) {
      entry.outcome = FreezeOutcome::kGone;
      return false;
    }
    // D: uninterruptible, a parent in vfork(2), a frozen cgroup. The request would stay pending and hit it later.
    if (stat->state == 'D' || stat->state == 'I' || stat->exiting()) {
      entry.outcome = FreezeOutcome::kUnstoppable;
      return false;
    }
    return true;
  }

  bool attach(Tracee& tracee) {
    if (ptrace(PTRACE_SEIZE, tracee.entry.tid, nullptr, nullptr) == 0) return tracee.attached = true;
    tracee.entry.error = errno;
    // A thread that is ending answers EPERM.
    bool gone = errno == ESRCH;
    if (errno == EPERM) {
      FrozenThread again = tracee.entry;
      gone = !stoppable(again);
    }
    tracee.entry.outcome = gone ? FreezeOutcome::kGone : FreezeOutcome::kRefused;
    return false;
  }

  bool interrupt(Tracee& tracee) {
    tracee.asked_ns = now_ns();
    tracee.stopped_ns = tracee.asked_ns;
    if (ptrace(PTRACE_INTERRUPT, tracee.entry.tid, nullptr, nullptr) == 0) return true;
    tracee.entry.outcome = FreezeOutcome::kGone;
    tracee.stop = Stop::kGone;
    return false;
  }

  // One event of waitpid(2) into the tracee it belongs to.
  void note(Tracee& tracee, int status) {
    if (!WIFSTOPPED(status)) {
      tracee.stop = Stop::kGone;
      tracee.entry.outcome = FreezeOutcome::kGone;
      return;
    }
    tracee.stop = Stop::kStopped;
    // One that waited for a CPU anyway is not paused by us before it gets one. With real-time priority we see that
    // moment at once; without, the request is the only bound that is certain.
    if (urgent_ && !request_.together) tracee.stopped_ns = now_ns();
    // Anything but PTRACE_EVENT_STOP is a signal on its way in: as good a place, and the signal must not be lost.
    tracee.signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
  }

  void read_registers(Tracee& tracee) {
    user_regs_struct raw{};
    iovec io{&raw, sizeof raw};
    if (ptrace(PTRACE_GETREGSET, tracee.entry.tid, NT_PRSTATUS, &io) != 0 || io.iov_len < sizeof raw) {
      tracee.entry.outcome = FreezeOutcome::kNotStopped;  // another machine's registers, or gone this instant
      tracee.entry.error = errno;
      return;
    }
    const std::array<unsigned long long, kRegisterCount> in_order{raw.rax, raw.rdx, raw.rcx, raw.rbx, raw.rsi, raw.rdi,
                                                                  raw.rbp, raw.rsp, raw.r8,  raw.r9,  raw.r10, raw.r11,
                                                                  raw.r12, raw.r13, raw.r14, raw.r15, raw.rip};
    FrozenThread& entry = tracee.entry;
    for (size_t i = 0; i < kRegisterCount; ++i) entry.registers.set(static_cast<Register>(i), in_order[i]);
    entry.outcome = FreezeOutcome::kCopied;
    entry.call = static_cast<long>(raw.orig_rax);
    if (entry.call < 0 || static_cast<int64_t>(raw.rax) != kErrnoInterrupted) return;
    if (!request_.together && tracee.signal == 0 && can_start_again(entry.call)) {
      raw.rax = static_cast<unsigned long long>(kRestartNoHandler);
      entry.restarted_call = ptrace(PTRACE_SETREGSET, entry.tid, NT_PRSTATUS, &io) == 0;
    }
    entry.interrupted_call = !entry.restarted_call;
  }

  // Reserves room in the arena; size 0 when it is full.
  TargetMemory::Span reserve(FrozenThread& entry) {
    StackRange range = stack_range(space_, entry.registers.sp(), cap_);
    size_t size = std::min(range.size, arena_size_ - arena_used_);
    entry.stack_address = range.address;
    entry.stack_offset = arena_used_;
    TargetMemory::Span span{range.address, arena_ + arena_used_, size, 0};
    arena_used_ += (size + 63) / 64 * 64;
    arena_used_ = std::min(arena_used_, arena_size_);
    return span;
  }

  bool detach(Tracee& tracee) {
    bool released = ptrace(PTRACE_DETACH, tracee.entry.tid, nullptr, static_cast<uintptr_t>(tracee.signal)) == 0;
    tracee.entry.pause_ns = now_ns() - tracee.stopped_ns;
    tracee.attached = false;
    return released;
  }

  void publish(const FrozenThread& entry) {
    uint32_t at = header_.count.load(std::memory_order_relaxed);
    if (at >= room_) return;
    entries_[at] = entry;
    header_.count.store(at + 1, std::memory_order_release);
  }

  // Sleeps until a tracee changes state, at most until `until_ns`; never spins, because the tracee may need this CPU.
  static void wait_for_event(int64_t until_ns) {
    int64_t left = until_ns - now_ns();
    if (left <= 0) return;
    timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigtimedwait(&children, nullptr, &timeout);
  }

  // A few threads at a time are asked to stop, and each is served and let go the moment it does. So none waits for
  // another, and one that gets no CPU, or never stops, delays nobody.
  void run_rolling() {
    std::unordered_map<pid_t, Tracee> asked;
    auto next = request_.tids.begin();
    while (next != request_.tids.end() || !asked.empty()) {
      while (next != request_.tids.end() && asked.size() < (urgent_ ? kUrgentWindow : kWindow)) ask(*next++, asked);
      if (!serve_one(asked)) give_up_late(asked);
    }
  }

  void ask(pid_t tid, std::unordered_map<pid_t, Tracee>& asked) {
    Tracee tracee;
    tracee.entry.tid = tid;
    if (header_.stop_ns >= request_.budget.count()) {
      tracee.entry.outcome = FreezeOutcome::kOverBudget;
    } else if (stoppable(tracee.entry) && attach(tracee) && interrupt(tracee)) {
      asked.emplace(tid, tracee);
      return;
    }
    publish(tracee.entry);
  }

  // Waits for one event and handles it. False when there was none in time.
  bool serve_one(std::unordered_map<pid_t, Tracee>& asked) {
    int status = 0;
    pid_t who = waitpid(-1, &status, WNOHANG | __WALL);
    if (who <= 0) {
      int64_t first = INT64_MAX;
      for (const auto& [tid, tracee] : asked) first = std::min(first, tracee.asked_ns);
      if (asked.empty() || now_ns() >= first + kStopWaitNs) return false;
      wait_for_event(first + kStopWaitNs);
      return true;
    }
    auto found = asked.find(who);
    if (found == asked.end()) {  // given up before, and stops after all: let it go at once
      int signal = WIFSTOPPED(status) && status >> 16 == 0 ? WSTOPSIG(status) : 0;
      ptrace(PTRACE_DETACH, who, nullptr, static_cast<uintptr_t>(signal));
      return true;
    }
    Tracee& tracee = found->second;
    note(tracee, status);
    if (tracee.stop == Stop::kStopped) {
      read_registers(tracee);
      if (tracee.entry.outcome == FreezeOutcome::kCopied) {
        TargetMemory::Span span = reserve(tracee.entry);
        tracee.entry.stack_size = memory_.read(span.address, span.destination, span.size);
      }
      detach(tracee);
      header_.stop_ns += tracee.entry.pause_ns;
    }
    publish(tracee.entry);
    asked.erase(found);
    return true;
  }

  void give_up_late(std::unordered_map<pid_t, Tracee>& asked) {
    for (auto each = asked.begin(); each != asked.end();) {
      if (now_ns() < each->second.asked_ns + kStopWaitNs) {
        ++each;
        continue;
      }
      each->second.entry.outcome = FreezeOutcome::kNotStopped;
      publish(each->second.entry);
      each = asked.erase(each);
    }
  }

  void run_together() {
    std::vector<Tracee> all;
    all.reserve(request_.tids.size() + kLateThreads);  // stable places
    std::unordered_map<pid_t, size_t> by_tid;
    auto add = [&](pid_t tid, bool late) {
      if (all.size() == all.capacity() || !by_tid.emplace(tid, all.size()).second) return false;
      Tracee tracee;
      tracee.entry.tid = tid;
      tracee.entry.born_late = late;
      if (stoppable(tracee.entry)) attach(tracee);
      all.push_back(tracee);
      return true;
    };
    for (pid_t tid : request_.tids) add(tid, false);
    const int64_t began = now_ns();
    for (Tracee& tracee : all)
      if (tracee.attached) interrupt(tracee);
    // Stopped threads start no new ones: the list is complete when a look at it adds nothing.
    for (int round = 0; round < kListRounds; ++round) {
      auto tids = tasks_->list();
      bool added = false;
      for (pid_t tid : tids ? *tids : std::vector<pid_t>{})
        if (!by_tid.contains(tid) && add(tid, true)) {
          added = true;
          if (all.back().attached) interrupt(all.back());
        }
      if (!added) break;
    }
    wait_for_all(all, by_tid, began + std::min<int64_t>(request_.budget.count(), 50'000'000));
    copy_all(all, began);
    for (Tracee& tracee : all)
      if (tracee.attached && tracee.stop == Stop::kStopped) detach(tracee);
    header_.stop_ns = now_ns() - began;
    for (Tracee& tracee : all) publish(tracee.entry);
  }

  void wait_for_all(std::vector<Tracee>& all, const std::unordered_map<pid_t, size_t>& by_tid, int64_t until) {
    auto pending = static_cast<size_t>(std::count_if(
        all.begin(), all.end(), [](const Tracee& each) { return each.attached && each.stop == Stop::kPending; }));
    while (pending > 0) {
      int status = 0;
      pid_t who = waitpid(-1, &status, WNOHANG | __WALL);
      if (who > 0) {
        auto found = by_tid.find(who);
        if (found == by_tid.end() || all[found->second].stop != Stop::kPending) continue;
        note(all[found->second], status);
        --pending;
        continue;
      }
      if ((who < 0 && errno != EINTR) || now_ns() >= until) break;
      wait_for_event(until);
    }
    for (Tracee& tracee : all)
      if (tracee.attached && tracee.stop == Stop::kPending) tracee.entry.outcome = FreezeOutcome::kNotStopped;
  }

  void copy_all(std::vector<Tracee>& all, int64_t began) {
    std::vector<TargetMemory::Span> spans;
    std::vector<Tracee*> owners;
    spans.reserve(all.size());
    owners.reserve(all.size());
    for (Tracee& tracee : all) {
      if (!tracee.attached || tracee.stop != Stop::kStopped) continue;
      read_registers(tracee);
      if (tracee.entry.outcome != FreezeOutcome::kCopied) continue;
      spans.push_back(reserve(tracee.entry));
      owners.push_back(&tracee);
    }
    // Registers alone give one frame: the budget decides how many stacks are copied.
    constexpr size_t kBatch = 128;
    for (size_t at = 0; at < spans.size(); at += kBatch) {
      if (now_ns() - began > request_.budget.count()) {
        for (size_t i = at; i < spans.size(); ++i) owners[i]->entry.outcome = FreezeOutcome::kOverBudget;
        return;
      }
      auto first = spans.begin() + static_cast<std::ptrdiff_t>(at);
      std::vector<TargetMemory::Span> batch(first,
                                            first + static_cast<std::ptrdiff_t>(std::min(kBatch, spans.size() - at)));
      memory_.read_all(batch);
      for (size_t i = 0; i < batch.size(); ++i) owners[at + i]->entry.stack_size = batch[i].copied;
    }
  }

  const FreezeRequest& request_;
  const AddressSpace& space_;
  TargetMemory memory_;
  Header& header_;
  FrozenThread* entries_;
  size_t room_;
  char* arena_;
  size_t arena_size_, arena_used_ = 0;
  size_t cap_ = kStackCap;
  bool urgent_ = false;
  std::unique_ptr<TaskDir> tasks_;
};

// Waits for the child to end; kills it at the deadline. A pidfd would need a newer kernel.
bool wait_for_child(pid_t child, Deadline deadline) {
  while (true) {
    int status = 0;
    pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child || (ended < 0 && errno != EINTR)) return true;
    if (deadline.passed()) break;
    timespec nap{0, 200'000};
    nanosleep(&nap, nullptr);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, WNOHANG);
  return false;
}

}  // namespace

FreezeResult::FreezeResult(FreezeResult&& other) noexcept
    : threads(std::move(other.threads)),
      stop_ns(other.stop_ns),
      worst_ns(other.worst_ns),
      cut_short(other.cut_short),
      memory_(std::exchange(other.memory_, nullptr)),
      size_(other.size_) {}

FreezeResult::~FreezeResult() {
  if (memory_) munmap(memory_, size_);
}

StackBytes FreezeResult::stack(const FrozenThread& thread) const {
  if (thread.stack_offset > size_ || thread.stack_size > size_ - thread.stack_offset) return {};
  return {thread.stack_address, static_cast<const char*>(memory_) + thread.stack_offset, thread.stack_size};
}

Result<FreezeResult> freeze_and_copy(const FreezeRequest& request, const AddressSpace& space) {
  const size_t room = request.tids.size() + kLateThreads;
  const size_t table = (sizeof(Header) + room * sizeof(FrozenThread) + 4095) / 4096 * 4096;
  const size_t arena = std::min(kLargestArena, (request.together ? room : request.tids.size()) * kStackCap);
  void* memory =
      mmap(nullptr, table + arena, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return fail_errno("mmap", errno, "no room for copies of stacks");
  FreezeResult result(memory, table + arena);
  auto* bytes = static_cast<char*>(memory);
  Header* header = new (memory) Header{};
  auto* entries = reinterpret_cast<FrozenThread*>(bytes + sizeof(Header));

  pid_t parent = getpid();
  pid_t child = fork();
  if (child < 0) return fail_errno("fork", errno, "no process for the stop");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(2);
    Freezer(request, space, *header, entries, room, bytes + table, arena).run();
    header->ended = true;
    _exit(0);
  }
  result.cut_short = !wait_for_child(child, request.deadline) || !header->ended;
  result.stop_ns = header->stop_ns;
  uint32_t count = std::min<uint32_t>(header->count.load(std::memory_order_acquire), static_cast<uint32_t>(room));
  result.threads.assign(entries, entries + count);
  for (FrozenThread& thread : result.threads) {
    thread.stack_offset += table;
    result.worst_ns = std::max(result.worst_ns, thread.pause_ns);
  }
  return result;
}

}  // namespace ec
