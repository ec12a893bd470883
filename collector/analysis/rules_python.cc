#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "collector/analysis/rules.h"
#include "collector/analysis/thread_words.h"
#include "collector/base/text.h"

namespace ec::rules {

namespace {

// A CPU-bound Python program with N threads has N - 1 of them waiting at any moment; one that mostly waits for I/O has
// none or one, and now and then a second. Three or fewer say nothing.
constexpr size_t kFewestWaiters = 4, kManyWaiters = 16;
// The lock is in use most of the time: together its threads use nearly the one CPU that it allows, or wait for it. A
// holder that is ready and has no CPU keeps the lock.
constexpr double kSaturated = 0.7;
// Less than this is how every host is.
constexpr double kNotedDelay = 0.1;

// Whoever waits for the GIL waits on a futex inside of it, whatever the symbols say; idle pools wait elsewhere.
std::vector<int> waiters_of(const PythonLock& lock, const std::vector<Thread>& threads) {
  std::vector<int> waiters;
  for (const Thread& thread : threads) {
    if (!thread.call || thread.call->arguments.empty() || thread.tid == lock.holder) continue;
    if (thread.call->name != "futex" && thread.call->name != "restart_syscall") continue;
    uint64_t address = thread.call->arguments.front();
    if (address >= lock.address && address - lock.address < lock.size) waiters.push_back(thread.tid);
  }
  return waiters;
}

struct Use {
  double cores = 0, run_delay = 0;  // both in seconds per second, all threads
};

// Of the threads that the interpreter knows, between the readings; nothing when there was one reading only.
std::optional<Use> use_of(const PythonRuntime& python, const ThreadIndex& index) {
  std::optional<Use> use;
  for (const PythonThread& each : python.threads)
    if (auto* thread = index.thread(each.tid); thread && thread->cpu_cores) {
      if (!use) use.emplace();
      use->cores += *thread->cpu_cores;
      use->run_delay += thread->run_delay.value_or(0);
    }
  return use;
}

std::string words_of(const Use& use) {
  if (use.run_delay < kNotedDelay)
    return fmt::format(" Together its threads use {:.2f} cores; more threads or CPUs do not help.", use.cores);
  return fmt::format(
      " Together its threads use {:.2f} cores and wait for a CPU {:.2f} s per second: the holder is slowed down by "
      "what "
      "else runs here. More threads do not help.",
      use.cores, use.run_delay);
}

// It sleeps, and did not run at all between the readings.
bool stands_still(const Thread& thread) {
  return (thread.state == 'S' || thread.state == 'D') && thread.cpu_cores && *thread.cpu_cores == 0;
}

// "worker-3 (tid 77), in crunch (app.py:12),".
std::string with_function(const ThreadIndex& index, int tid) {
  auto* thread = index.thread(tid);
  std::string name = thread ? in_sentence(thread_name(*thread), 60) : fmt::format("tid {}", tid);
  std::string function = in_sentence(program_function(index, tid), 100);
  return function.empty() ? name : fmt::format("{}, in {},", name, function);
}

void add_evidence(Finding& finding, const ThreadIndex& index, const PythonLock& lock, const std::vector<int>& waiters) {
  finding.evidence.push_back({"raw/python.json", "key gils",
                              lock.holder != 0 ? fmt::format("GIL at {:#x}, held by tid {}", lock.address, lock.holder)
                                               : fmt::format("GIL at {:#x}", lock.address)});
  if (lock.holder != 0)
    finding.evidence.push_back(
        {"threads/stacks.txt", fmt::format("tid {}", lock.holder), program_function(index, lock.holder)});
  finding.evidence.push_back({"threads/stacks.txt", fmt::format("tid {}", waiters.front()),
                              fmt::format("waits on a futex in [{:#x}, {:#x}), with {} others", lock.address,
                                          lock.address + lock.size, waiters.size() - 1)});
}

std::optional<Finding> stuck_holder(const Snapshot& snapshot, const ThreadIndex& index, const PythonLock& lock,
                                    const std::vector<int>& waiters) {
  auto* holder = index.thread(lock.holder);
  if (!lock.held || !holder || !stands_still(*holder)) return std::nullopt;
  Finding finding{
      "gil-contention", Severity::kCritical, "No Python code runs: the GIL is held by a thread that sleeps", "", {}};
  finding.detail =
      fmt::format("{} runs no Python code: {} holds the interpreter lock (GIL) and {}. {} for it.",
                  target_name(snapshot), with_function(index, lock.holder), in_sentence(doing(*holder), 160),
                  waiters.size() == 1 ? "1 other thread waits" : fmt::format("{} other threads wait", waiters.size()));
  return finding;
}

}  // namespace

Findings gil_contention(const Snapshot& snapshot) {
  if (!snapshot.python || !snapshot.threads) return {};
  ThreadIndex index(snapshot);
  Findings findings;
  for (const PythonLock& lock : snapshot.python->locks) {
    auto waiters = waiters_of(lock, *snapshot.threads);
    if (waiters.empty()) continue;
    if (auto finding = stuck_holder(snapshot, index, lock, waiters)) {
      add_evidence(*finding, index, lock, waiters);
      findings.push_back(std::move(*finding));
      continue;
    }
    auto use = use_of(*snapshot.python, index);
    if (waiters.size() < kFewestWaiters || !use || use->cores + use->run_delay < kSaturated) continue;
    Finding finding{
        "gil-contention",
        waiters.size() >= kManyWaiters ? Severity::kHigh : Severity::kMedium,
        fmt::format("{} of {} Python threads wait for the GIL", waiters.size(), snapshot.python->threads.size()),
        "",
        {}};
    finding.detail = fmt::format(
        "{} threads of {} wait for the interpreter lock (GIL), which lets one thread at a time run Python code.",
        waiters.size(), target_name(snapshot));
    if (lock.holder != 0)
      finding.detail += fmt::format(" {} held it when it was read.", with_function(index, lock.holder));
    finding.detail += words_of(*use);
    add_evidence(finding, index, lock, waiters);
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace ec::rules
