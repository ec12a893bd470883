#include "collector/target/freezer.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <span>
#include <unordered_set>
#include <utility>

#include "collector/proc/pid_stat.h"
#include "collector/target/go_thread.h"
#include "collector/target/quiet_copy.h"

namespace ec {

namespace {

constexpr int kListRounds = 8;
constexpr size_t kPrefaultPerThread = 8 * 1024, kMostPrefault = size_t{64} << 20;
constexpr size_t kBatch = 128;
constexpr int64_t kLastStopWaitNs = 50'000'000;  // in which none of those that were asked together stops
constexpr int64_t kStopWaitNs = 200'000'000;     // for one thread to get a CPU and reach its stop
// Threads asked to stop at the same time, when not together. Without real-time priority those that stop at once would
// wait for us one behind the other.
constexpr size_t kWindow = 8, kUrgentWindow = 256;

// Real time for the few milliseconds in which the target stands still, so that nobody else's work prolongs them.
// Returns whether it was granted; without CAP_SYS_NICE it is not.
bool become_urgent() {
  sched_param urgent{};
  urgent.sched_priority = 1;
  if (sched_setscheduler(0, SCHED_FIFO, &urgent) == 0) return true;
  setpriority(PRIO_PROCESS, 0, -20);
  return false;
}

}  // namespace

void Freezer::run() {
  auto tasks = TaskDir::open(request_.pid);
  if (!tasks) return;
  tasks_ = std::make_unique<TaskDir>(std::move(*tasks));
  // Blocked, it stays pending and can be waited for; an ignored one would not even be sent.
  signal(SIGCHLD, SIG_DFL);
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, nullptr);
  size_t copies = std::max<size_t>(request_.tids.size(), 1) * (request_.go ? 2 : 1);
  cap_ = std::min(kFrozenStackCap, std::max<size_t>(shared_.arena_size / copies, 4096));
  // Page faults belong before the stop.
  size_t wanted =
      std::min({shared_.arena_size, kMostPrefault, request_.tids.size() * kPrefaultPerThread + kFrozenStackCap});
  madvise(shared_.arena, wanted, MADV_POPULATE_WRITE);
  urgent_ = become_urgent();
  if (request_.together)
    run_together();
  else
    run_rolling();
}

// Reserves room in the arena; size 0 when it is full.
TargetMemory::Span Freezer::reserve(FrozenThread& entry) {
  StackRange range = stack_range(space_, entry.registers.sp(), cap_);
  size_t size = std::min(range.size, shared_.arena_size - arena_used_);
  entry.stack_address = range.address;
  entry.stack_offset = arena_used_;
  TargetMemory::Span span{range.address, shared_.arena + arena_used_, size, 0};
  arena_used_ += (size + 63) / 64 * 64;
  arena_used_ = std::min(arena_used_, shared_.arena_size);
  return span;
}

// Reading it after the stop would be too late: the thread may run another one by then.
void Freezer::copy_goroutine(FrozenThread& entry) {
  auto thread_pointer = entry.registers.get(Register::kFsBase);
  if (!request_.go || !thread_pointer) return;
  auto found = find_go_thread(*thread_pointer, [&](uint64_t address, void* destination, size_t size) {
    return memory_.read(address, destination, size) == size;
  });
  uint64_t sp = entry.registers.sp();
  if (!found || (found->stack_begin <= sp && sp < found->stack_end)) return;
  const std::pair<uint64_t, size_t> wanted[] = {{*thread_pointer - kGoStorageBytes, kGoStorageBytes},
                                                {found->in_thread_storage, kGoroutineBytes},
                                                {found->machine, kGoMachineBytes},
                                                {found->scheduler, kGoroutineBytes},
                                                {found->goroutine, kGoroutineBytes},
                                                {found->sp, std::min(cap_, found->stack_end - found->sp)}};
  static_assert(std::size(wanted) == std::tuple_size_v<decltype(entry.pieces)>);
  for (auto [address, size] : wanted) {
    size = std::min(size, shared_.arena_size - arena_used_);
    size_t got = memory_.read(address, shared_.arena + arena_used_, size);
    entry.pieces[entry.piece_count++] = {address, got, arena_used_};
    arena_used_ = std::min(arena_used_ + (got + 63) / 64 * 64, shared_.arena_size);
  }
}

void Freezer::publish(const FrozenThread& entry) {
  uint32_t at = shared_.header.count.load(std::memory_order_relaxed);
  if (at >= shared_.room) return;
  shared_.entries[at] = entry;
  shared_.header.count.store(at + 1, std::memory_order_release);
}

// A few threads at a time are asked to stop, and each is served and let go the moment it does. So none waits for
// another, and one that gets no CPU, or never stops, delays nobody.
void Freezer::run_rolling() {
  Asked asked;
  auto next = request_.tids.begin();
  while (next != request_.tids.end() || !asked.empty()) {
    while (next != request_.tids.end() && asked.size() < (urgent_ ? kUrgentWindow : kWindow)) ask(*next++, asked);
    if (!serve_one(asked)) give_up_late(asked);
  }
}

void Freezer::ask(pid_t tid, Asked& asked) {
  Tracee tracee;
  tracee.entry.tid = tid;
  if (shared_.header.stop_ns >= request_.budget.count()) {
    tracee.entry.outcome = FreezeOutcome::kOverBudget;
  } else if (stoppable(*tasks_, tracee.entry) && attach(*tasks_, tracee) && interrupt(tracee)) {
    asked.emplace(tid, tracee);
    return;
  }
  publish(tracee.entry);
}

// Waits for one event and handles it. False when there was none in time.
bool Freezer::serve_one(Asked& asked) {
  int status = 0;
  pid_t who = waitpid(-1, &status, WNOHANG | __WALL);
  if (who <= 0) {
    int64_t first = INT64_MAX;
    for (const auto& [tid, tracee] : asked) first = std::min(first, tracee.asked_ns);
    if (asked.empty() || monotonic_ns() >= first + kStopWaitNs) return false;
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
  note_event(tracee, status, urgent_);
  if (tracee.stop == Tracee::Stop::kStopped) {
    read_registers(tracee, request_.restart);
    if (tracee.entry.outcome == FreezeOutcome::kCopied) {
      TargetMemory::Span span = reserve(tracee.entry);
      tracee.entry.stack_size = memory_.read(span.address, span.destination, span.size);
      copy_goroutine(tracee.entry);
    }
    detach(tracee);
    shared_.header.stop_ns += tracee.entry.pause_ns;
  }
  publish(tracee.entry);
  asked.erase(found);
  return true;
}

void Freezer::give_up_late(Asked& asked) {
  for (auto each = asked.begin(); each != asked.end();) {
    if (monotonic_ns() < each->second.asked_ns + kStopWaitNs) {
      ++each;
      continue;
    }
    each->second.entry.outcome = FreezeOutcome::kNotStopped;
    publish(each->second.entry);
    each = asked.erase(each);
  }
}

void Freezer::run_together() {
  std::vector<Tracee> all;
  all.reserve(request_.tids.size() + kLateThreads);  // stable places
  std::unordered_set<pid_t> known;
  auto add = [&](pid_t tid, bool late) {
    if (all.size() == all.capacity() || !known.insert(tid).second) return false;
    Tracee& tracee = all.emplace_back();
    tracee.entry.tid = tid;
    tracee.entry.born_late = late;
    if (stoppable(*tasks_, tracee.entry)) attach(*tasks_, tracee);
    return true;
  };
  for (pid_t tid : request_.tids) add(tid, false);
  const int64_t began = monotonic_ns();
  for (Tracee& tracee : all)
    if (tracee.attached) interrupt(tracee);
  size_t served = 0;
  // Stopped threads start no new ones: the list is complete when a look at it adds nothing.
  for (int round = 0; round < kListRounds; ++round) {
    copy_as_they_stop({all.begin() + static_cast<std::ptrdiff_t>(served), all.end()}, began);
    served = all.size();
    if (none_is_missing(all)) break;
    auto tids = tasks_->list();
    bool added = false;
    for (pid_t tid : tids ? *tids : std::vector<pid_t>{})
      if (!known.contains(tid) && add(tid, true)) {
        added = true;
        if (all.back().attached) interrupt(all.back());
      }
    if (!added) break;
  }
  for (Tracee& tracee : all)
    if (tracee.attached && tracee.stop == Tracee::Stop::kStopped) detach(tracee);
  shared_.header.stop_ns = monotonic_ns() - began;
  for (Tracee& tracee : all) publish(tracee.entry);
}

// A list of thousands of threads takes as long as stopping them. The kernel counts a traced thread among those of the
// process until we were told of its end: when there are no more than we hold, there is no other.
bool Freezer::none_is_missing(const std::vector<Tracee>& all) {
  const auto held = [](const Tracee& tracee) { return tracee.attached && tracee.stop != Tracee::Stop::kGone; };
  const auto first = std::find_if(all.begin(), all.end(), held);
  if (first == all.end()) return false;
  auto text = tasks_->read(first->entry.tid, "stat");
  auto stat = text ? parse_pid_stat("stat", *text) : fail(ErrorCode::kGone, "", "");
  return stat && std::cmp_equal(stat->threads, std::count_if(all.begin(), all.end(), held));
}

// In the order of the list, so that the kernel wakes us for the one that is next and for no other; the rest stop while
// the first are copied. What was copied of a stopped thread stays true until it is let go.
void Freezer::copy_as_they_stop(std::span<Tracee> asked, int64_t began) {
  WaitTicks ticks;
  Batch batch;
  bool patient = true;
  for (Tracee& tracee : asked) {
    if (!tracee.attached || tracee.stop != Tracee::Stop::kPending) continue;
    const int64_t until = std::min(began + request_.budget.count(), monotonic_ns() + kLastStopWaitNs);
    await_stop(tracee, patient ? until : 0);
    if (tracee.stop == Tracee::Stop::kPending) patient = false;
    if (tracee.stop != Tracee::Stop::kStopped) continue;
    read_registers(tracee, request_.restart);
    if (tracee.entry.outcome != FreezeOutcome::kCopied) continue;
    batch.spans.push_back(reserve(tracee.entry));
    batch.owners.push_back(&tracee.entry);
    if (batch.spans.size() == kBatch) copy_stacks(batch, began);
  }
  copy_stacks(batch, began);
}

// Registers alone give one frame: the budget decides how many stacks are copied.
void Freezer::copy_stacks(Batch& batch, int64_t began) {
  if (monotonic_ns() - began > request_.budget.count()) {
    for (FrozenThread* owner : batch.owners) owner->outcome = FreezeOutcome::kOverBudget;
  } else {
    memory_.read_all(batch.spans);
    for (size_t i = 0; i < batch.spans.size(); ++i) {
      batch.owners[i]->stack_size = batch.spans[i].copied;
      copy_goroutine(*batch.owners[i]);
    }
  }
  batch.spans.clear();
  batch.owners.clear();
}

}  // namespace ec
