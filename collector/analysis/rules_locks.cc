#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/rules.h"
#include "collector/analysis/wait_words.h"

namespace ec::rules {

namespace {

constexpr size_t kFewest = 8, kMostFindings = 3;

// "412 threads of app (pid 42) wait for one mutex at 0x7f…; flusher (tid 77) holds it and waits in recvfrom(…). They
// want it in serve()."
std::string convoy_words(const Snapshot& snapshot, const ThreadIndex& index, const WaitGraph& graph,
                         const WaitObject& object, size_t behind) {
  std::string words = fmt::format("{} threads of {} wait for one {}; {}.", object.waiters.size(), target_name(snapshot),
                                  object_words(object), holder_words(index, graph, object));
  if (object.owner == 0 && stood_still(index, object.waiters).value_or(false))
    words += " None of them ran between the two readings.";
  if (behind > 0) words += fmt::format(" {} more wait further behind.", counted(behind, "thread"));
  if (auto function = in_sentence(program_function(index, object.waiters.front()), 100); !function.empty())
    words += fmt::format(" They want it in {}.", function);
  return words;
}

// Threads that wait for these waiters.
size_t behind(const WaitGraph& graph, const WaitObject& object) {
  size_t count = 0;
  for (auto& each : graph.objects)
    if (each.owner != 0 && &each != &object &&
        std::binary_search(object.waiters.begin(), object.waiters.end(), each.owner))
      count += each.waiters.size();
  return count;
}

Finding convoy(const Snapshot& snapshot, const ThreadIndex& index, const WaitGraph& graph, const WaitObject& object) {
  size_t waiting = object.waiters.size(), threads = snapshot.threads->size();
  bool most = 2 * waiting >= threads;
  const Wait& first = *graph.wait_of(object.waiters.front());
  Finding finding{"lock-convoy",
                  waiting >= 50 || (most && waiting >= 16) ? Severity::kHigh : Severity::kMedium,
                  fmt::format("{} of {} threads wait for one {}", waiting, threads, object_kind(object)),
                  convoy_words(snapshot, index, graph, object, behind(graph, object)),
                  {}};
  finding.evidence.push_back(wait_evidence(index, first, waiting));
  auto stack_of = [&](int tid) { finding.evidence.push_back(stack_evidence(index, tid)); };
  stack_of(first.waiter);
  if (object.owner == 0) return finding;
  stack_of(object.owner);
  // The one that all of them wait for in the end.
  for (auto& root : graph.roots)
    if (root.tid != object.owner && std::find(root.chain.begin(), root.chain.end(), object.owner) != root.chain.end())
      stack_of(root.tid);
  return finding;
}

}  // namespace

// Idle pools wait on condition variables and semaphores, which are no locks.
Findings lock_convoy(const Snapshot& snapshot) {
  if (!snapshot.threads) return {};
  ThreadIndex index(snapshot);
  WaitGraph graph = build_wait_graph(snapshot, index);
  Findings findings;
  for (auto& object : graph.objects) {  // most waiters first
    if (object.waiters.size() < kFewest || findings.size() == kMostFindings) break;
    if (is_lock(object.kind)) findings.push_back(convoy(snapshot, index, graph, object));
  }
  return findings;
}

}  // namespace ec::rules
