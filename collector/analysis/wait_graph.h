// Who waits for whom: the threads blocked in futex(2), and Java threads that wait for monitors and locks; what they
// wait on, and where that leads: round in a circle, or to the one thread that holds up all others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collector/analysis/futex_object.h"
#include "collector/analysis/thread_words.h"

namespace ec {

// What one or more threads wait on.
struct WaitObject {
  uint64_t address = 0;
  WaitKind kind = WaitKind::kUnknown;
  std::string symbol;     // of a global variable: "g_lock", "table+0x40"; "" = none
  int owner = 0;          // tid; 0 = unknown
  bool inferred = false;  // as in Wait
  uint32_t readers = 0;
  std::vector<int> waiters;  // tids, ascending
};

// A thread that others wait for and that waits for none of them: why all of them stand.
struct WaitRoot {
  int tid = 0;
  size_t waiters = 0;      // directly and behind those
  std::vector<int> chain;  // the longest way to it, from the outermost waiter to the root itself
};

struct WaitGraph {
  std::vector<Wait> waits;               // one per thread that waits, by tid
  std::vector<WaitObject> objects;       // most waiters first
  std::vector<std::vector<int>> cycles;  // tids along the arrows, smallest first; a thread that waits for itself: {tid}
  std::vector<WaitRoot> roots;           // most waiters first

  const Wait* wait_of(int tid) const;             // null when it does not wait
  const WaitObject* object_of(int waiter) const;  // null when it does not wait
};

// Owners in memory are numbers of the target's own PID namespace: threads are matched by ns_tid (tid where it is 0).
// Without stacks the memory decides alone.
WaitGraph build_wait_graph(const Snapshot& snapshot, const ThreadIndex& index);

// Whether none of them ran between the two readings: a thread that did not run still waits for what it waited for.
// Nothing when that is not known: one reading only, or it was stopped by the collection, which counts as running.
std::optional<bool> stood_still(const ThreadIndex& index, const std::vector<int>& tids);

// Strongly connected components with two nodes or more, or one with an edge to itself (Tarjan, without recursion).
// edges[n] = successors of node n, each < edges.size(). Components in no particular order, nodes ascending.
std::vector<std::vector<uint32_t>> strong_components(const std::vector<std::vector<uint32_t>>& edges);

}  // namespace ec
