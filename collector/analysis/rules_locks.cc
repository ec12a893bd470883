#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "collector/analysis/rules.h"
#include "collector/analysis/thread_words.h"
#include "collector/analysis/wait_graph.h"
#include "collector/base/text.h"

namespace ec::rules {

namespace {

// "worker-1 (tid 43), in apply_update(), waits for the mutex at 0x7f… that worker-2 (tid 44) holds".
std::string waiter_words(const ThreadIndex& index, const Wait& wait) {
  auto name = [&](int tid) {
    auto* thread = index.thread(tid);
    return thread ? in_sentence(thread_name(*thread), 60) : fmt::format("tid {}", tid);
  };
  std::string function = in_sentence(program_function(index, wait.waiter), 100);
  std::string what = wait.kind == LockKind::kJoin
                         ? fmt::format("the end of {}", name(wait.owner))
                         : fmt::format("the {} at {:#x} that {} holds", to_string(wait.kind), wait.object,
                                       wait.owner == wait.waiter ? "it already" : name(wait.owner));
  return fmt::format("{}{}{}{} waits for {}", name(wait.waiter), function.empty() ? "" : ", in ", function,
                     function.empty() ? "" : ",", what);
}

// Sections of the bundle are named TID/ADDRESS.
std::string futex_section(const Wait& wait) { return fmt::format("section {}/{:x}", wait.waiter, wait.futex); }

std::string word_excerpt(const Wait& wait) {
  return fmt::format("tid {} waits on {:#x} ({}), owner tid {}", wait.waiter, wait.object, to_string(wait.kind),
                     wait.owner);
}

// Did any of them run between the two readings? Nothing when there was only one reading.
std::optional<bool> all_stood_still(const ThreadIndex& index, const std::vector<int>& tids) {
  for (int tid : tids) {
    auto* thread = index.thread(tid);
    if (!thread || !thread->cpu_cores) return std::nullopt;
    if (*thread->cpu_cores > 0) return false;
  }
  return true;
}

std::optional<Finding> cycle_finding(const Snapshot& snapshot, const ThreadIndex& index, const WaitGraph& graph,
                                     const std::vector<int>& cycle) {
  auto still = all_stood_still(index, cycle);
  if (still && !*still) return std::nullopt;  // one of them ran meanwhile: contended, not dead
  bool timed = false;
  std::vector<std::string> words;
  Finding finding{"deadlock-suspect", Severity::kCritical, "", "", {}};
  for (int tid : cycle) {
    auto* wait = graph.wait_of(tid);
    if (!wait) continue;
    timed |= wait->timed;
    words.push_back(waiter_words(index, *wait));
    if (finding.evidence.size() < 16) {
      finding.evidence.push_back({"raw/futex.bundle", futex_section(*wait), word_excerpt(*wait)});
      if (auto function = program_function(index, tid); !function.empty())
        finding.evidence.push_back({"threads/stacks.txt", fmt::format("tid {}", tid), function});
    }
  }
  // The threads behind the cycle cannot go on either.
  std::unordered_set<int> stuck(cycle.begin(), cycle.end());
  size_t before = 0, rounds = 0;
  while (stuck.size() != before && rounds++ < 64) {
    before = stuck.size();
    for (auto& wait : graph.waits)
      if (wait.owner != 0 && stuck.contains(wait.owner)) stuck.insert(wait.waiter);
  }
  if (timed || !still) finding.severity = Severity::kHigh;
  finding.title = cycle.size() == 1 ? fmt::format("Thread {} waits for itself", cycle.front())
                                    : fmt::format("{} wait for each other", counted(cycle.size(), "thread"));
  finding.detail = fmt::format("{} is deadlocked: {}.", target_name(snapshot), enumerate(words, 4));
  if (stuck.size() > cycle.size())
    finding.detail += stuck.size() - cycle.size() == 1
                          ? " 1 more thread waits behind them."
                          : fmt::format(" {} more threads wait behind them.", stuck.size() - cycle.size());
  if (timed) finding.detail += " At least one of the waits has a time limit and may end by itself.";
  if (!still) finding.detail += " Seen once only: whether it lasts was not checked.";
  return finding;
}

bool waits_in_mutex_lock(const ThreadIndex& index, int tid) {
  auto* stack = index.stack(tid);
  if (!stack) return false;
  for (size_t i = 0; i < std::min<size_t>(stack->frames.size(), 5); ++i)
    if (auto* frame = index.frame(stack->frames[i]); frame && (frame->symbol.find("mutex_lock") != std::string::npos ||
                                                               frame->symbol.find("lll_lock") != std::string::npos))
      return true;
  return false;
}

// A mutex whose owner is no thread of this process: the owner ended with the lock held, or a fork took the lock along.
std::vector<const Wait*> orphans(const ThreadIndex& index, const WaitGraph& graph) {
  std::vector<const Wait*> found;
  for (auto& wait : graph.waits) {
    if (wait.vanished_owner == 0 || wait.timed || wait.kind != LockKind::kMutex) continue;
    auto* thread = index.thread(wait.waiter);
    bool ran = thread && thread->cpu_cores && *thread->cpu_cores > 0;
    if (!ran && waits_in_mutex_lock(index, wait.waiter)) found.push_back(&wait);
  }
  return found;
}

}  // namespace

Findings deadlock_suspect(const Snapshot& snapshot) {
  if (!snapshot.threads) return {};
  ThreadIndex index(snapshot);
  WaitGraph graph = build_wait_graph(*snapshot.threads);
  Findings findings;
  for (auto& cycle : graph.cycles) {
    if (findings.size() == 5) break;  // more of the same says nothing new
    if (auto finding = cycle_finding(snapshot, index, graph, cycle)) findings.push_back(std::move(*finding));
  }
  auto orphaned = orphans(index, graph);
  if (!orphaned.empty() && findings.empty()) {
    auto& wait = *orphaned.front();
    auto* thread = index.thread(wait.waiter);
    Finding finding{
        "deadlock-suspect",
        Severity::kHigh,
        fmt::format("{} for a mutex whose owner is gone",
                    orphaned.size() == 1 ? "1 thread waits" : fmt::format("{} threads wait", orphaned.size())),
        fmt::format("{} of {} waits for the mutex at {:#x}, which tid {} holds, and no such thread lives in the "
                    "process. It ended with the lock held, or the process was forked while another thread held it.",
                    thread ? in_sentence(thread_name(*thread), 60) : "A thread", target_name(snapshot), wait.object,
                    wait.vanished_owner),
        {}};
    for (size_t i = 0; i < std::min<size_t>(orphaned.size(), 5); ++i)
      finding.evidence.push_back(
          {"raw/futex.bundle", futex_section(*orphaned[i]),
           fmt::format("mutex at {:#x}, owner {}", orphaned[i]->object, orphaned[i]->vanished_owner)});
    findings.push_back(std::move(finding));
  }
  return findings;
}

namespace {

std::string holder_words(const ThreadIndex& index, const LockCrowd& crowd) {
  if (crowd.owner == 0)
    return crowd.readers > 0
               ? fmt::format("{} hold it, which ones is not written anywhere", counted(crowd.readers, "reader"))
               : "who holds it is not written in memory";
  auto* thread = index.thread(crowd.owner);
  std::string function = in_sentence(program_function(index, crowd.owner), 100);
  return fmt::format(
      "{} holds it{}{} and {}", thread ? in_sentence(thread_name(*thread), 60) : fmt::format("tid {}", crowd.owner),
      function.empty() ? "" : ", in ", function, thread ? in_sentence(doing(*thread), 160) : "is not known");
}

}  // namespace

// Idle pools wait on condition variables, which are no locks and are not in the graph.
Findings lock_convoy(const Snapshot& snapshot) {
  if (!snapshot.threads) return {};
  ThreadIndex index(snapshot);
  WaitGraph graph = build_wait_graph(*snapshot.threads);
  Findings findings;
  size_t threads = snapshot.threads->size();
  for (auto& crowd : graph.crowds) {
    if (crowd.kind == LockKind::kJoin) continue;
    size_t waiting = crowd.waiters.size();
    if (waiting < 8 || findings.size() == 3) break;  // largest first
    bool most = 2 * waiting >= threads;
    Finding finding{"lock-convoy",
                    waiting >= 50 || (most && waiting >= 16) ? Severity::kHigh : Severity::kMedium,
                    fmt::format("{} of {} threads wait for one {}", waiting, threads, to_string(crowd.kind)),
                    "",
                    {}};
    finding.detail = fmt::format("{} threads of {} wait for one {} at {:#x}; {}.", waiting, target_name(snapshot),
                                 to_string(crowd.kind), crowd.object, holder_words(index, crowd));
    if (auto function = in_sentence(program_function(index, crowd.waiters.front()), 100); !function.empty())
      finding.detail += fmt::format(" They want it in {}.", function);
    finding.evidence.push_back({"raw/futex.bundle", futex_section(*graph.wait_of(crowd.waiters.front())),
                                fmt::format("{} waiters on {:#x}", waiting, crowd.object)});
    finding.evidence.push_back({"threads/stacks.txt", fmt::format("tid {}", crowd.waiters.front()),
                                program_function(index, crowd.waiters.front())});
    if (crowd.owner != 0)
      finding.evidence.push_back(
          {"threads/stacks.txt", fmt::format("tid {}", crowd.owner), program_function(index, crowd.owner)});
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace ec::rules
