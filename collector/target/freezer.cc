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
#include <thread>

#include "collector/target/go_thread.h"
#include "collector/target/quiet_copy.h"

namespace ec {

namespace {

constexpr int kListRounds = 8;
constexpr size_t kPrefaultPerThread = 8 * 1024, kMostPrefault = size_t{16} << 20;
constexpr size_t kManyPending = 64;
constexpr int64_t kLastStopWaitNs = 50'000'000;  // for the slowest of all, once each was asked
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
  std::unordered_map<pid_t, size_t> by_tid;
  auto add = [&](pid_t tid, bool late) {
    if (all.size() == all.capacity() || !by_tid.emplace(tid, all.size()).second) return false;
    Tracee tracee;
    tracee.entry.tid = tid;
    tracee.entry.born_late = late;
    if (stoppable(*tasks_, tracee.entry)) attach(*tasks_, tracee);
    all.push_back(tracee);
    return true;
  };
  for (pid_t tid : request_.tids) add(tid, false);
  const int64_t began = monotonic_ns();
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
  wait_for_all(all, std::min(began + request_.budget.count(), monotonic_ns() + kLastStopWaitNs));
  copy_all(all, began);
  for (Tracee& tracee : all)
    if (tracee.attached && tracee.stop == Tracee::Stop::kStopped) detach(tracee);
  shared_.header.stop_ns = monotonic_ns() - began;
  for (Tracee& tracee : all) publish(tracee.entry);
}

void Freezer::wait_for_all(std::vector<Tracee>& all, int64_t until) {
  std::vector<Tracee*> pending;
  pending.reserve(all.size());
  for (Tracee& tracee : all)
    if (tracee.attached && tracee.stop == Tracee::Stop::kPending) pending.push_back(&tracee);
  while (!pending.empty()) {
    // Each is asked for by its number: waitpid(-1) walks the list of all tracees every time, 2 s for 10,000 of them.
    size_t stopped = std::erase_if(pending, [&](Tracee* tracee) {
      int status = 0;
      pid_t who = waitpid(tracee->entry.tid, &status, WNOHANG | __WALL);
      if (who == 0 || (who < 0 && errno == EINTR)) return false;
      if (who > 0)
        note_event(*tracee, status, false);
      else
        tracee->stop = Tracee::Stop::kGone, tracee->entry.outcome = FreezeOutcome::kGone;
      return true;
    });
    if (monotonic_ns() >= until) break;
    if (stopped == 0) wait_for_event(until);
    // One look at many finds many.
    if (pending.size() > kManyPending) std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  for (Tracee& tracee : all)
    if (tracee.attached && tracee.stop == Tracee::Stop::kPending) tracee.entry.outcome = FreezeOutcome::kNotStopped;
}

void Freezer::copy_all(std::vector<Tracee>& all, int64_t began) {
  std::vector<TargetMemory::Span> spans;
  std::vector<Tracee*> owners;
  spans.reserve(all.size());
  owners.reserve(all.size());
  for (Tracee& tracee : all) {
    if (!tracee.attached || tracee.stop != Tracee::Stop::kStopped) continue;
    read_registers(tracee, request_.restart);
    if (tracee.entry.outcome != FreezeOutcome::kCopied) continue;
    spans.push_back(reserve(tracee.entry));
    owners.push_back(&tracee);
  }
  // Registers alone give one frame: the budget decides how many stacks are copied.
  constexpr size_t kBatch = 128;
  for (size_t at = 0; at < spans.size(); at += kBatch) {
    if (monotonic_ns() - began > request_.budget.count()) {
      for (size_t i = at; i < spans.size(); ++i) owners[i]->entry.outcome = FreezeOutcome::kOverBudget;
      return;
    }
    auto first = spans.begin() + static_cast<std::ptrdiff_t>(at);
    std::vector<TargetMemory::Span> batch(first,
                                          first + static_cast<std::ptrdiff_t>(std::min(kBatch, spans.size() - at)));
    memory_.read_all(batch);
    for (size_t i = 0; i < batch.size(); ++i) {
      owners[at + i]->entry.stack_size = batch[i].copied;
      copy_goroutine(owners[at + i]->entry);
    }
  }
}

}  // namespace ec
