// Threads that wait in futex(2), with the memory that the C library keeps around the futex word.
#pragma once

#include <cstring>

#include "collector/analysis/wait_graph.h"
#include "tests/unit/analysis/healthy_snapshot.h"

namespace ec::test {

struct FutexMemoryBuilder {
  std::string bytes = std::string(112, '\0');
  FutexMemoryBuilder& set(int delta, uint32_t value) {
    std::memcpy(bytes.data() + 48 + delta, &value, 4);
    return *this;
  }
};

inline Thread futex_waiter(int tid, uint64_t address, uint64_t operation, uint32_t value,
                           const FutexMemoryBuilder& memory, uint64_t timeout = 0) {
  Thread t = thread(tid, "worker-" + std::to_string(tid));
  BlockedCall call;
  call.number = 202, call.name = "futex", call.arguments = {address, operation, value, timeout, 0, 0},
  call.text = "futex(FUTEX_WAIT, …)";
  t.call = call;
  t.futex.emplace();
  t.futex->address = address, t.futex->bytes = memory.bytes;
  return t;
}

// pthread_mutex_t, glibc: __lock 0, __count 4, __owner 8, __nusers 12, __kind 16.
inline FutexMemoryBuilder glibc_mutex(int owner, uint32_t kind = 0) {
  FutexMemoryBuilder memory;
  return memory.set(0, 2).set(8, static_cast<uint32_t>(owner)).set(12, 1).set(16, kind);
}
inline Thread mutex_waiter(int tid, uint64_t address, int owner, uint32_t kind = 0, uint64_t timeout = 0) {
  return futex_waiter(tid, address, 0x80, 2, glibc_mutex(owner, kind), timeout);
}

// pthread_rwlock_t: __readers 0, __writers 4, __wrphase_futex 8, __writers_futex 12, __cur_writer 24, __shared 28.
// `futex_offset` is 8 or 12.
inline FutexMemoryBuilder glibc_rwlock(int futex_offset, uint32_t readers, int writer, uint32_t word) {
  FutexMemoryBuilder memory;
  memory.set(0 - futex_offset, readers).set(24 - futex_offset, static_cast<uint32_t>(writer)).set(28 - futex_offset, 0);
  return memory.set(0, word);
}

// A stack of these functions, innermost first; "" = a frame without a name.
inline void give_functions(Snapshot& s, int tid, const std::vector<std::string>& functions) {
  if (!s.stacks) s.stacks = Stacks{};
  auto& stacks = *s.stacks;
  Stack stack{{}, "root"};
  for (auto& function : functions) {
    Frame frame;
    frame.symbol = function, frame.module = "/usr/bin/app";
    stack.frames.push_back(static_cast<uint32_t>(stacks.frames.size()));
    stacks.frames.push_back(frame);
  }
  stacks.threads.push_back({tid, "no-stop", static_cast<uint32_t>(stacks.stacks.size()), 0, false, ""});
  stacks.stacks.push_back(std::move(stack));
}

inline WaitGraph graph_of(const Snapshot& snapshot) { return build_wait_graph(snapshot, ThreadIndex(snapshot)); }
inline WaitGraph graph_of(std::vector<Thread> threads) {
  Snapshot snapshot;
  std::sort(threads.begin(), threads.end(), [](const Thread& a, const Thread& b) { return a.tid < b.tid; });
  snapshot.threads = std::move(threads);
  return graph_of(snapshot);
}

}  // namespace ec::test
