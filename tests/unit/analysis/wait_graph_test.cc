#include "collector/analysis/wait_graph.h"

#include <catch2/catch.hpp>

#include "tests/unit/analysis/futex_threads.h"

using namespace ec;
using namespace ec::test;

namespace {
const Wait* only(const WaitGraph& graph) { return graph.waits.size() == 1 ? &graph.waits.front() : nullptr; }
}  // namespace

TEST_CASE("mutex: owner read from memory") {
  auto graph = build_wait_graph({thread(1, "holder"), mutex_waiter(2, 0x1000, 1)});
  auto* wait = only(graph);
  REQUIRE(wait);
  CHECK(wait->owner == 1);
  CHECK(wait->kind == LockKind::kMutex);
  CHECK(wait->object == 0x1000);
  CHECK_FALSE(wait->timed);
  CHECK(graph.cycles.empty());
}

TEST_CASE("mutex: timed lock of glibc uses another operation and has a limit") {
  auto graph = build_wait_graph({thread(1, "holder"), futex_waiter(2, 0x1000, 0x189, 2, glibc_mutex(1), 0x7ffc0000)});
  REQUIRE(only(graph));
  CHECK(only(graph)->owner == 1);
  CHECK(only(graph)->timed);
}

TEST_CASE("an owner is refused when one sign does not fit") {
  auto owner = [](FutexMemoryBuilder memory) {
    auto graph = build_wait_graph({thread(1, "holder"), futex_waiter(2, 0x1000, 0x80, 2, memory)});
    return graph.waits.empty() ? 0 : graph.waits.front().owner;
  };
  CHECK(owner(glibc_mutex(1)) == 1);
  CHECK(owner(glibc_mutex(1).set(16, 0x1000)) == 0);  // unknown kind bits
  CHECK(owner(glibc_mutex(1).set(12, 0)) == 0);       // no users
  CHECK(owner(glibc_mutex(1).set(0, 7)) == 0);        // not a lock word
  CHECK(owner(glibc_mutex(99)) == 0);                 // no such thread
  FutexMemoryBuilder cut = glibc_mutex(1);
  cut.bytes.resize(52);
  CHECK(owner(cut) == 0);  // memory ends behind the word
  cut.bytes.clear();
  CHECK(owner(cut) == 0);
}

TEST_CASE("an owner that is no thread is remembered, not linked") {
  auto graph = build_wait_graph({mutex_waiter(2, 0x1000, 99)});
  REQUIRE(only(graph));
  CHECK(only(graph)->owner == 0);
  CHECK(only(graph)->vanished_owner == 99);
}

TEST_CASE("tids in memory are numbers of the target's PID namespace") {
  Thread holder = thread(5001, "holder"), waiter = mutex_waiter(5002, 0x1000, 7);
  holder.ns_tid = 7, waiter.ns_tid = 8;
  auto graph = build_wait_graph({holder, waiter});
  REQUIRE(only(graph));
  CHECK(only(graph)->owner == 5001);
}

TEST_CASE("self-deadlock: a normal mutex, but not a recursive or checking one") {
  CHECK(build_wait_graph({mutex_waiter(2, 0x1000, 2)}).cycles == std::vector<std::vector<int>>{{2}});
  CHECK(build_wait_graph({mutex_waiter(2, 0x1000, 2, 1)}).cycles.empty());
  CHECK(build_wait_graph({mutex_waiter(2, 0x1000, 2, 2)}).cycles.empty());
}

TEST_CASE("priority inheritance: the word is the owner") {
  FutexMemoryBuilder memory;
  memory.set(0, 0x80000000u | 1).set(8, 1).set(16, 0x20);
  auto graph = build_wait_graph({thread(1, "holder"), futex_waiter(2, 0x1000, 0x86, 0, memory)});
  REQUIRE(only(graph));
  CHECK(only(graph)->owner == 1);
  CHECK(only(graph)->kind == LockKind::kPriorityMutex);
}

TEST_CASE("robust mutex: owner in the word, and its death") {
  FutexMemoryBuilder memory;
  memory.set(0, 0x80000001u).set(8, 1).set(12, 1).set(16, 0x10);
  auto graph = build_wait_graph({thread(1, "holder"), futex_waiter(2, 0x1000, 0x00, 0x80000001u, memory)});
  REQUIRE(only(graph));
  CHECK(only(graph)->owner == 1);
  CHECK(only(graph)->kind == LockKind::kRobustMutex);
  memory.set(0, 0xc0000001u);
  CHECK(build_wait_graph({thread(1, "holder"), futex_waiter(2, 0x1000, 0x00, 0xc0000001u, memory)})
            .waits.front()
            .owner_died);
}

TEST_CASE("rwlock: writer and reader wait for the writer, the writer for readers") {
  // __readers: 1 write phase, 2 write locked, 8 per reader.
  auto writer = build_wait_graph({thread(1, "w"), futex_waiter(2, 0x100c, 0x189, 3, glibc_rwlock(12, 3, 1, 3))});
  REQUIRE(only(writer));
  CHECK(only(writer)->owner == 1);
  CHECK(only(writer)->kind == LockKind::kRwlockWrite);
  CHECK(only(writer)->object == 0x1000);
  auto reader = build_wait_graph({thread(1, "w"), futex_waiter(2, 0x1008, 0x189, 3, glibc_rwlock(8, 8 | 3, 1, 3))});
  REQUIRE(only(reader));
  CHECK(only(reader)->owner == 1);
  CHECK(only(reader)->kind == LockKind::kRwlockRead);
  CHECK(only(reader)->object == 0x1000);
  auto behind_readers =
      build_wait_graph({thread(1, "r"), futex_waiter(2, 0x1008, 0x189, 2, glibc_rwlock(8, 16 | 2, 0, 2))});
  REQUIRE(only(behind_readers));
  CHECK(only(behind_readers)->owner == 0);
  CHECK(only(behind_readers)->readers == 2);
}

TEST_CASE("join: the word is the number of the thread that is joined") {
  FutexMemoryBuilder memory;
  memory.set(0, 3);
  auto graph = build_wait_graph({futex_waiter(2, 0x7f00'0000'02d0, 0x109, 3, memory), thread(3, "worker")});
  REQUIRE(only(graph));
  CHECK(only(graph)->owner == 3);
  CHECK(only(graph)->kind == LockKind::kJoin);
  memory.set(0, 4);  // changed since: it has ended
  CHECK(build_wait_graph({futex_waiter(2, 0x7f00'0000'02d0, 0x109, 3, memory), thread(3, "worker")}).waits.empty());
}

TEST_CASE("condition variables, semaphores and Go's parked threads are no locks") {
  CHECK(build_wait_graph({thread(1, "x"), futex_waiter(2, 0x1028, 0x189, 0, FutexMemoryBuilder())}).waits.empty());
  CHECK(build_wait_graph({thread(1, "x"), futex_waiter(2, 0x1000, 0x80, 0, FutexMemoryBuilder())}).waits.empty());
}

TEST_CASE("stdio and low-level locks have no owner that can be read") {
  FutexMemoryBuilder stdio;
  stdio.set(0, 2).set(4, 1).set(8, 0xf7a00640).set(12, 0x7fff);
  auto graph = build_wait_graph({thread(1, "x"), futex_waiter(2, 0x1000, 0x80, 2, stdio)});
  REQUIRE(only(graph));
  CHECK(only(graph)->kind == LockKind::kStdio);
  FutexMemoryBuilder low;
  low.set(0, 2);
  graph = build_wait_graph({thread(1, "x"), futex_waiter(2, 0x1000, 0x80, 2, low)});
  REQUIRE(only(graph));
  CHECK(only(graph)->kind == LockKind::kLowLevel);
  CHECK(only(graph)->owner == 0);
}

TEST_CASE("musl: owner in the word, except for normal mutexes") {
  FutexMemoryBuilder memory;
  memory.set(-4, 1).set(0, 0x80000001u);
  auto graph = build_wait_graph({thread(1, "x"), futex_waiter(2, 0x1004, 0x80, 0x80000001u, memory)});
  REQUIRE(only(graph));
  CHECK(only(graph)->owner == 1);
  memory.set(-4, 0).set(0, 0x80000010u);
  graph = build_wait_graph({thread(1, "x"), futex_waiter(2, 0x1004, 0x80, 0x80000010u, memory)});
  REQUIRE(only(graph));
  CHECK(only(graph)->kind == LockKind::kNoOwnerMutex);
}

TEST_CASE("cycles are found along the arrows, and what hangs on them is not part of them") {
  auto graph = build_wait_graph({mutex_waiter(3, 0x3000, 1), mutex_waiter(1, 0x1000, 2), mutex_waiter(2, 0x2000, 3),
                                 mutex_waiter(9, 0x1000, 2), thread(8, "idle")});
  CHECK(graph.cycles == std::vector<std::vector<int>>{{1, 2, 3}});
  REQUIRE(graph.crowds.size() == 1);
  CHECK(graph.crowds.front().waiters == std::vector<int>{1, 9});
}

TEST_CASE("ten thousand threads in one circle, without recursion") {
  std::vector<Thread> threads;
  constexpr int kCount = 10'000;
  for (int i = 1; i <= kCount; ++i)
    threads.push_back(mutex_waiter(i, 0x1000 + 64 * static_cast<uint64_t>(i), i % kCount + 1));
  auto graph = build_wait_graph(threads);
  REQUIRE(graph.cycles.size() == 1);
  CHECK(graph.cycles.front().size() == kCount);
}

TEST_CASE("strong components of a graph with branches") {
  //  0 → 1 → 2 → 0,  2 → 3 → 4 → 3,  5 → 5,  6 → 0
  auto components = strong_components({{1}, {2}, {0, 3}, {4}, {3}, {5}, {0}});
  std::sort(components.begin(), components.end());
  CHECK(components == std::vector<std::vector<uint32_t>>{{0, 1, 2}, {3, 4}, {5}});
  CHECK(strong_components({}).empty());
}
