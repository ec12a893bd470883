#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "collector/analysis/rules.h"
#include "collector/analysis/wait_words.h"

namespace ec::rules {

namespace {

constexpr size_t kMostFindings = 5;  // more of the same says nothing new

// The threads that cannot go on before these do.
size_t behind(const WaitGraph& graph, const std::vector<int>& cycle) {
  std::unordered_set<int> stuck(cycle.begin(), cycle.end());
  size_t before = 0, rounds = 0;
  while (stuck.size() != before && rounds++ < 64) {
    before = stuck.size();
    for (auto& wait : graph.waits)
      if (wait.owner != 0 && stuck.contains(wait.owner)) stuck.insert(wait.waiter);
  }
  return stuck.size() - cycle.size();
}

// What speaks against certainty, as sentences.
std::string doubts(const ThreadIndex& index, const WaitGraph& graph, const std::vector<int>& cycle) {
  bool timed = false, inferred = false, stopped = false;
  for (int tid : cycle) {
    if (auto* wait = graph.wait_of(tid)) timed |= wait->timed, inferred |= wait->inferred;
    if (auto* stack = index.thread_stack(tid)) stopped |= stack->pause_us > 0;
  }
  std::string words;
  if (timed) words += " At least one of the waits has a time limit and may end by itself.";
  if (inferred) words += " At least one owner is not written in memory: it was told from the stacks.";
  if (!stood_still(index, cycle))
    words += stopped ? " They were stopped for their stacks, so that whether they would have moved was not seen."
                     : " Seen once only: whether it lasts was not checked.";
  return words;
}

Finding cycle_finding(const Snapshot& snapshot, const ThreadIndex& index, const WaitGraph& graph,
                      const std::vector<int>& cycle, CycleVerdict verdict) {
  bool sure = verdict == CycleVerdict::kDeadlock;
  Finding finding{sure ? "deadlock" : "deadlock-suspect", sure ? Severity::kCritical : Severity::kHigh, "", "", {}};
  std::vector<std::string> words;
  for (int tid : cycle) {
    auto* wait = graph.wait_of(tid);
    if (!wait) continue;
    words.push_back(wait_words(index, graph, *wait));
    if (finding.evidence.size() >= 16) continue;
    finding.evidence.push_back(wait_evidence(index, *wait));
    if (auto stack = stack_evidence(index, tid); !stack.excerpt.empty()) finding.evidence.push_back(std::move(stack));
  }
  finding.title = cycle.size() == 1 ? fmt::format("Thread {} waits for itself", cycle.front())
                                    : fmt::format("{} wait for each other", counted(cycle.size(), "thread"));
  finding.detail = fmt::format("{} is {}: {}.", target_name(snapshot), sure ? "deadlocked" : "probably deadlocked",
                               enumerate(words, 5));
  if (size_t more = behind(graph, cycle))
    finding.detail +=
        more == 1 ? " 1 more thread waits behind them." : fmt::format(" {} more threads wait behind them.", more);
  if (sure && snapshot.core)
    finding.detail += " All of it is of one moment, from the core file.";
  else if (sure && graph.wait_of(cycle.front())->by_runtime)
    finding.detail += " All of it is of one moment, from the thread dump of the JVM.";
  else if (sure)
    finding.detail +=
        cycle.size() == 1 ? " It did not run between the two readings." : " None of them ran between the two readings.";
  else
    finding.detail += doubts(index, graph, cycle);
  return finding;
}

Findings cycles_judged(const Snapshot& snapshot, const ThreadIndex& index, const WaitGraph& graph,
                       CycleVerdict verdict) {
  Findings findings;
  for (auto& cycle : graph.cycles)
    if (findings.size() < kMostFindings && judge(index, graph, cycle) == verdict)
      findings.push_back(cycle_finding(snapshot, index, graph, cycle, verdict));
  return findings;
}

// Waits for locks that do not say who has them, without a time limit, by threads that did not run.
std::vector<const Wait*> stuck_without_owner(const ThreadIndex& index, const WaitGraph& graph) {
  std::vector<const Wait*> found;
  for (auto& wait : graph.waits)
    if (wait.owner == 0 && is_ownerless(wait.kind) && !wait.timed && stood_still(index, {wait.waiter}).value_or(false))
      found.push_back(&wait);
  return found;
}

// Two locks are the least that two threads can take in different order. Whether it is so is not told by anything that
// can be read: it is only said that they stand.
std::optional<Finding> ownerless_finding(const Snapshot& snapshot, const ThreadIndex& index, const WaitGraph& graph) {
  auto stuck = stuck_without_owner(index, graph);
  std::vector<const Wait*> one_each;  // the first of each lock
  for (const Wait* wait : stuck)
    if (std::none_of(one_each.begin(), one_each.end(),
                     [&](const Wait* other) { return other->object == wait->object; }))
      one_each.push_back(wait);
  if (one_each.size() < 2) return std::nullopt;
  std::vector<std::string> words;
  Finding finding{"deadlock-suspect",
                  Severity::kMedium,
                  fmt::format("{} wait for {} locks that record no owner, and none moves",
                              counted(stuck.size(), "thread"), one_each.size()),
                  "",
                  {}};
  for (const Wait* wait : one_each) {
    const WaitObject& object = *graph.object_of(wait->waiter);
    std::string function = in_sentence(program_function(index, wait->waiter), 100);
    std::string more = object.waiters.size() > 1 ? fmt::format(" and {} more", object.waiters.size() - 1) : "";
    words.push_back(fmt::format("{}{}{} for the {}", spoken_thread(index, wait->waiter), more,
                                function.empty() ? " waits" : fmt::format(", in {}, waits", function),
                                object_words(object)));
    if (finding.evidence.size() >= 16) continue;
    finding.evidence.push_back(wait_evidence(index, *wait));
    finding.evidence.push_back(stack_evidence(index, wait->waiter));
  }
  finding.detail = fmt::format(
      "{} may be deadlocked: {}. Such locks do not record who holds them, so that it cannot be shown; none of these "
      "threads ran between the two readings. If each holds what another one wants, they wait for ever.",
      target_name(snapshot), enumerate(words, 4));
  return finding;
}

// A mutex whose owner is no thread of this process: the owner ended with the lock held, or a fork took the lock along.
std::vector<const Wait*> orphans(const ThreadIndex& index, const WaitGraph& graph) {
  std::vector<const Wait*> found;
  for (auto& wait : graph.waits) {
    if (wait.vanished_owner == 0 || wait.timed || wait.kind != WaitKind::kMutex || !wait.confirmed) continue;
    auto* thread = index.thread(wait.waiter);
    bool ran = thread && thread->cpu_cores && *thread->cpu_cores > 0;
    if (!ran) found.push_back(&wait);
  }
  return found;
}

Finding orphan_finding(const Snapshot& snapshot, const ThreadIndex& index, const std::vector<const Wait*>& orphaned) {
  auto& wait = *orphaned.front();
  Finding finding{
      "deadlock-suspect",
      Severity::kHigh,
      fmt::format("{} for a mutex whose owner is gone",
                  orphaned.size() == 1 ? "1 thread waits" : fmt::format("{} threads wait", orphaned.size())),
      fmt::format("{} of {} waits for the mutex at {:#x}, which tid {} holds, and no such thread lives in the "
                  "process. It ended with the lock held, or the process was forked while another thread held it.",
                  spoken_thread(index, wait.waiter), target_name(snapshot), wait.object, wait.vanished_owner),
      {}};
  for (size_t i = 0; i < std::min<size_t>(orphaned.size(), 5); ++i)
    finding.evidence.push_back(
        {"raw/futex.bundle", fmt::format("section {}/{:x}", orphaned[i]->waiter, orphaned[i]->futex),
         fmt::format("mutex at {:#x}, owner {}", orphaned[i]->object, orphaned[i]->vanished_owner)});
  return finding;
}

}  // namespace

Findings deadlock(const Snapshot& snapshot) {
  if (!snapshot.threads) return {};
  ThreadIndex index(snapshot);
  return cycles_judged(snapshot, index, build_wait_graph(snapshot, index), CycleVerdict::kDeadlock);
}

Findings deadlock_suspect(const Snapshot& snapshot) {
  if (!snapshot.threads) return {};
  ThreadIndex index(snapshot);
  WaitGraph graph = build_wait_graph(snapshot, index);
  Findings findings = cycles_judged(snapshot, index, graph, CycleVerdict::kSuspect);
  auto orphaned = orphans(index, graph);
  if (auto ownerless = ownerless_finding(snapshot, index, graph)) findings.push_back(std::move(*ownerless));
  if (!orphaned.empty() && graph.cycles.empty()) findings.push_back(orphan_finding(snapshot, index, orphaned));
  return findings;
}

}  // namespace ec::rules
