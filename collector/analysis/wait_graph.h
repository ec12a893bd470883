// Who waits for whom: threads blocked in futex(2), the object they wait on and, where glibc or musl write it into
// memory, the thread that owns it.
//
// The memory around the futex word tells the kind of the object (layouts of glibc 2.36 on x86-64 and aarch64, and of
// musl; design notes "Locks and deadlocks"). An owner is accepted only when every sign agrees, because the word may
// belong to anything: a wrong edge would be a deadlock that does not exist.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/snapshot/threads.h"

namespace ec {

enum class LockKind {
  kMutex,          // pthread_mutex_t, std::mutex: normal, recursive, error-checking, adaptive
  kPriorityMutex,  // with priority inheritance
  kRobustMutex,
  kRwlockWrite,   // wants to write; owner = the writer, when one holds it
  kRwlockRead,    // wants to read; owner = the writer
  kJoin,          // pthread_join, std::thread::join; owner = the thread that is joined
  kStdio,         // FILE lock; owner not readable
  kLowLevel,      // lll_lock: malloc arena, dynamic linker …; owner not written anywhere
  kNoOwnerMutex,  // musl's normal mutex: no owner written
};
// "mutex", "mutex (priority inheritance)", "read-write lock (to write)" …
std::string_view to_string(LockKind kind);

struct Wait {
  int waiter = 0;  // tid
  int owner = 0;   // tid; 0 = unknown
  LockKind kind = LockKind::kMutex;
  uint64_t object = 0;      // address of the mutex, rwlock or FILE lock; of the thread's tid field for a join
  uint64_t futex = 0;       // the word
  bool timed = false;       // the wait has a time limit: it may end by itself
  bool owner_died = false;  // robust and priority mutexes: the owner ended while it held the lock
  int vanished_owner = 0;   // number in the owner field that is no living thread of the process; 0 = none
  uint32_t readers = 0;     // kRwlockWrite: readers that hold it, not known by name
};

struct LockCrowd {
  uint64_t object = 0;
  LockKind kind = LockKind::kMutex;
  int owner = 0;  // 0 = unknown
  uint32_t readers = 0;
  std::vector<int> waiters;  // tids, ascending
};

struct WaitGraph {
  std::vector<Wait> waits;               // one per waiting thread whose object was recognised, by tid
  std::vector<std::vector<int>> cycles;  // tids along the arrows, smallest first; a thread that waits for itself: {tid}
  std::vector<LockCrowd> crowds;         // two waiters or more on one object; most waiters first

  const Wait* wait_of(int tid) const;  // null when it does not wait
};

// Owners in memory are numbers of the target's own PID namespace: threads are matched by ns_tid (tid where it is 0).
WaitGraph build_wait_graph(const std::vector<Thread>& threads);

// Strongly connected components with two nodes or more, or one with an edge to itself (Tarjan, without recursion).
// edges[n] = successors of node n, each < edges.size(). Components in no particular order, nodes ascending.
std::vector<std::vector<uint32_t>> strong_components(const std::vector<std::vector<uint32_t>>& edges);

}  // namespace ec
