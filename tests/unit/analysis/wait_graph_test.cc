#include "collector/analysis/wait_graph.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/unit/analysis/futex_threads.h"

using namespace ec;
using namespace ec::test;

namespace {
const Wait* only(const WaitGraph& graph) { return graph.waits.size() == 1 ? &graph.waits.front() : nullptr; }
}  // namespace

TEST_CASE("mutex: owner read from memory") {
  auto graph = graph_of({thread(1, "holder"), mutex_waiter(2, 0x1000, 1)});
  auto* wait = only(graph);
  REQUIRE(wait);
  CHECK(wait->owner == 1);
  CHECK(wait->kind == WaitKind::kMutex);
  CHECK(wait->object == 0x1000);
  CHECK_FALSE(wait->timed);
  CHECK(graph.cycles.empty());
}

TEST_CASE("mutex: timed lock of glibc uses another operation and has a limit") {
  auto graph = graph_of({thread(1, "holder"), futex_waiter(2, 0x1000, 0x189, 2, glibc_mutex(1), 0x7ffc0000)});
  REQUIRE(only(graph));
  CHECK(only(graph)->owner == 1);
  CHECK(only(graph)->timed);
}

TEST_CASE("an owner is refused when one sign does not fit") {
  auto owner = [](FutexMemoryBuilder memory) {
    auto graph = graph_of({thread(1, "holder"), futex_waiter(2, 0x1000, 0x80, 2, memory)});
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
  auto graph = graph_of({mutex_waiter(2, 0x1000, 99)});
  REQUIRE(only(graph));
  CHECK(only(graph)->owner == 0);
  CHECK(only(graph)->vanished_owner == 99);
}

TEST_CASE("tids in memory are numbers of the target's PID namespace") {
  Thread holder = thread(5001, "holder"), waiter = mutex_waiter(5002, 0x1000, 7);
  holder.ns_tid = 7, waiter.ns_tid = 8;
  auto graph = graph_of({holder, waiter});
  REQUIRE(only(graph));
  CHECK(only(graph)->owner == 5001);
}

TEST_CASE("self-deadlock: a normal mutex, but not a recursive or checking one") {
  CHECK(graph_of({mutex_waiter(2, 0x1000, 2)}).cycles == std::vector<std::vector<int>>{{2}});
  CHECK(graph_of({mutex_waiter(2, 0x1000, 2, 1)}).cycles.empty());
  CHECK(graph_of({mutex_waiter(2, 0x1000, 2, 2)}).cycles.empty());
}

TEST_CASE("priority inheritance: the word is the owner") {
  FutexMemoryBuilder memory;
  memory.set(0, 0x80000000u | 1).set(8, 1).set(16, 0x20);
  auto graph = graph_of({thread(1, "holder"), futex_waiter(2, 0x1000, 0x86, 0, memory)});
  REQUIRE(only(graph));
  CHECK(only(graph)->owner == 1);
  CHECK(only(graph)->kind == WaitKind::kPriorityMutex);
}

TEST_CASE("robust mutex: owner in the word, and its death") {
  FutexMemoryBuilder memory;
  memory.set(0, 0x80000001u).set(8, 1).set(12, 1).set(16, 0x10);
  auto graph = graph_of({thread(1, "holder"), futex_waiter(2, 0x1000, 0x00, 0x80000001u, memory)});
  REQUIRE(only(graph));
  CHECK(only(graph)->owner == 1);
  CHECK(only(graph)->kind == WaitKind::kRobustMutex);
  memory.set(0, 0xc0000001u);
  CHECK(graph_of({thread(1, "holder"), futex_waiter(2, 0x1000, 0x00, 0xc0000001u, memory)}).waits.front().owner_died);
}

TEST_CASE("rwlock: writer and reader wait for the writer, the writer for readers") {
  // __readers: 1 write phase, 2 write locked, 8 per reader.
  auto writer = graph_of({thread(1, "w"), futex_waiter(2, 0x100c, 0x189, 3, glibc_rwlock(12, 3, 1, 3))});
  REQUIRE(only(writer));
  CHECK(only(writer)->owner == 1);
  CHECK(only(writer)->kind == WaitKind::kRwlockWrite);
  CHECK(only(writer)->object == 0x1000);
  auto reader = graph_of({thread(1, "w"), futex_waiter(2, 0x1008, 0x189, 3, glibc_rwlock(8, 8 | 3, 1, 3))});
  REQUIRE(only(reader));
  CHECK(only(reader)->owner == 1);
  CHECK(only(reader)->kind == WaitKind::kRwlockRead);
  CHECK(only(reader)->object == 0x1000);
  auto behind_readers = graph_of({thread(1, "r"), futex_waiter(2, 0x1008, 0x189, 2, glibc_rwlock(8, 16 | 2, 0, 2))});
  REQUIRE(only(behind_readers));
  CHECK(only(behind_readers)->owner == 0);
  CHECK(only(behind_readers)->readers == 2);
}

TEST_CASE("join: the word is the number of the thread that is joined") {
  FutexMemoryBuilder memory;
  memory.set(0, 3);
  auto graph = graph_of({futex_waiter(2, 0x7f00'0000'02d0, 0x109, 3, memory), thread(3, "worker")});
  REQUIRE(only(graph));
  CHECK(only(graph)->owner == 3);
  CHECK(only(graph)->kind == WaitKind::kJoin);
  memory.set(0, 4);  // changed since: it has ended
  CHECK(graph_of({futex_waiter(2, 0x7f00'0000'02d0, 0x109, 3, memory), thread(3, "worker")}).waits.front().owner == 0);
}

TEST_CASE("stdio and low-level locks: what is not written is not known") {
  FutexMemoryBuilder stdio;
  stdio.set(0, 2).set(4, 1).set(8, 0xf7a00640).set(12, 0x7fff);
  auto graph = graph_of({thread(1, "x"), futex_waiter(2, 0x1000, 0x80, 2, stdio)});
  REQUIRE(only(graph));
  CHECK(only(graph)->kind == WaitKind::kStdio);
  FutexMemoryBuilder low;
  low.set(0, 2);
  graph = graph_of({thread(1, "x"), futex_waiter(2, 0x1000, 0x80, 2, low)});
  REQUIRE(only(graph));
  CHECK(only(graph)->kind == WaitKind::kLowLevel);
  CHECK(only(graph)->owner == 0);
}

TEST_CASE("musl: owner in the word, except for normal mutexes") {
  FutexMemoryBuilder memory;
  memory.set(-4, 1).set(0, 0x80000001u).set(4, 1).set(20, 0x12340).set(24, 0x7fff);
  auto graph = graph_of({thread(1, "x"), futex_waiter(2, 0x1004, 0x80, 0x80000001u, memory)});
  REQUIRE(only(graph));
  CHECK(only(graph)->owner == 1);
  memory.set(-4, 0).set(0, 0x80000010u);
  graph = graph_of({thread(1, "x"), futex_waiter(2, 0x1004, 0x80, 0x80000010u, memory)});
  REQUIRE(only(graph));
  CHECK(only(graph)->kind == WaitKind::kNoOwnerMutex);
}

TEST_CASE("cycles are found along the arrows, and what hangs on them is not part of them") {
  auto graph = graph_of({mutex_waiter(3, 0x3000, 1), mutex_waiter(1, 0x1000, 2), mutex_waiter(2, 0x2000, 3),
                         mutex_waiter(9, 0x1000, 2), thread(8, "idle")});
  CHECK(graph.cycles == std::vector<std::vector<int>>{{1, 2, 3}});
  CHECK(graph.objects.front().waiters == std::vector<int>{1, 9});
  CHECK(graph.roots.empty());
}

TEST_CASE("ten thousand threads in one circle, without recursion") {
  std::vector<Thread> threads;
  constexpr int kCount = 10'000;
  for (int i = 1; i <= kCount; ++i)
    threads.push_back(mutex_waiter(i, 0x1000 + 64 * static_cast<uint64_t>(i), i % kCount + 1));
  auto graph = graph_of(threads);
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

TEST_CASE("a lock of stdio has the owner that its thread block names, when that block is one") {
  FutexMemoryBuilder memory;
  memory.set(0, 2).set(4, 1).set(8, 0xf7a00640).set(12, 0x7fff);
  auto owner = [&](uint64_t self, uint32_t tid) {
    Thread waiter = futex_waiter(2, 0x1000, 0x80, 2, memory);
    waiter.futex->owner_block = FutexMemory::ThreadBlock{0x7ffff7a00640, self, tid};
    return graph_of({thread(1, "holder"), waiter}).waits.front().owner;
  };
  CHECK(owner(0x7ffff7a00640, 1) == 1);
  CHECK(owner(0x7ffff7a00650, 1) == 0);  // it does not point to itself: no thread block
  CHECK(owner(0x7ffff7a00640, 9) == 0);  // no such thread
  CHECK(owner(0x7ffff7a00640, 2) == 0);  // its own: a recursive lock
}

TEST_CASE("what has no owner is told from the memory where that is unmistakable") {
  auto kind = [](FutexMemoryBuilder memory, uint64_t operation, uint32_t value) {
    auto graph = graph_of({thread(1, "x"), futex_waiter(2, 0x7f0000001028, operation, value, memory)});
    return graph.waits.empty() ? "none" : std::string(word_of(graph.waits.front().kind));
  };
  FutexMemoryBuilder nothing, condition, semaphore, barrier, guard, future;
  condition.set(-40 + 16, 2).set(-40 + 36, 1 << 3);  // one reference of group 0, one waiter
  semaphore.set(4, 1);
  barrier.set(-4, 2).set(4, 3);  // two of three have come
  guard.set(0, 0x10100);
  future.set(0, 0x80000000u);
  CHECK(kind(condition, 0x189, 0) == "condition");
  CHECK(kind(semaphore, 0x189, 0) == "semaphore");
  CHECK(kind(barrier, 0x80, 0) == "barrier");
  CHECK(kind(guard, 0x00, 0x10100) == "static-init");
  CHECK(kind(future, 0x00, 0x80000000u) == "future");
  CHECK(kind(nothing, 0x189, 0) == "unknown");
  CHECK(kind(nothing, 0x80, 0) == "unknown");             // a parked thread of Go
  CHECK(kind(barrier.set(-4, 3), 0x80, 0) == "unknown");  // all have come: nobody would wait
}

TEST_CASE("the functions of the stack decide where the memory fits several") {
  auto wait = [](const Thread& waiter, const std::vector<std::string>& functions) {
    Snapshot s;
    s.threads = std::vector<Thread>{thread(1, "holder"), waiter};
    give_functions(s, waiter.tid, functions);
    return graph_of(s).waits.front();
  };
  Thread mutex = mutex_waiter(2, 0x1000, 1);
  CHECK(wait(mutex, {"__lll_lock_wait", "pthread_mutex_lock@@GLIBC_2.2.5", "main"}).owner == 1);
  CHECK(wait(mutex, {"", "___pthread_mutex_lock", "main"}).confirmed);
  CHECK(wait(mutex, {"", "__pthread_mutex_cond_lock", "pthread_cond_wait", "main"}).owner == 1);
  CHECK_FALSE(wait(mutex, {"", "serve()"}).confirmed);
  // The same bytes in an arena of malloc, a FILE, or a word of somebody's own.
  CHECK(wait(mutex, {"__lll_lock_wait_private", "malloc", "main"}).kind == WaitKind::kAllocator);
  CHECK(wait(mutex, {"__lll_lock_wait_private", "fputs", "main"}).kind == WaitKind::kLowLevel);
  CHECK(wait(mutex, {"syscall", "my_lock", "main"}).kind == WaitKind::kUnknown);
  CHECK(wait(mutex, {"runtime.futex.abi0", "runtime.lock2"}).owner == 0);

  FutexMemoryBuilder once;
  once.set(0, 1);
  Thread initialised = futex_waiter(2, 0x1000, 0x80, 1, once);
  CHECK(wait(initialised, {"", "__pthread_once_slow", "start()"}).kind == WaitKind::kOnce);
  CHECK(wait(initialised, {"syscall", "start()"}).kind == WaitKind::kUnknown);
  FutexMemoryBuilder atomic;
  CHECK(wait(futex_waiter(2, 0x1000, 0x00, 0, atomic),
             {"syscall", "void std::__detail::__platform_wait<int>(int const*, int)", "main"})
            .kind == WaitKind::kAtomic);
}

TEST_CASE("musl: what looks like a lock and is none") {
  // A waiter on a condition variable waits on a word in its own frame, a joiner on the state of the thread.
  FutexMemoryBuilder two;
  two.set(0, 2).set(-8, 1);
  Thread in_frame = futex_waiter(2, 0x7ffc0100, 0x80, 2, two);
  in_frame.call->stack_pointer = 0x7ffc0000;
  CHECK(graph_of({thread(1, "x"), in_frame}).waits.front().kind == WaitKind::kUnknown);
  Snapshot s;
  s.threads = std::vector<Thread>{thread(1, "x"), futex_waiter(2, 0x5000, 0x80, 2, two)};
  give_functions(s, 2, {"__timedwait_cp", "pthread_join", "main"});
  auto wait = graph_of(s).waits.front();
  CHECK(wait.kind == WaitKind::kJoin);
  CHECK(wait.owner == 1);
}

TEST_CASE("a static under construction: the other thread inside of the same function seems to run it") {
  FutexMemoryBuilder guard;
  guard.set(0, 0x10100);
  Snapshot s;
  s.threads =
      std::vector<Thread>{thread(1, "first"), futex_waiter(2, 0x1000, 0x00, 0x10100, guard), thread(3, "third")};
  give_functions(s, 1, {"pause", "Config::Config()", "config()", "main"});
  give_functions(s, 2, {"syscall", "__cxa_guard_acquire", "config()", "serve()"});
  give_functions(s, 3, {"pause", "serve()"});
  auto wait = graph_of(s).waits.front();
  CHECK(wait.kind == WaitKind::kStaticInit);
  CHECK(wait.owner == 1);
  CHECK(wait.inferred);
  give_functions(s, 3, {"pause", "config()", "serve()"});
  s.stacks->threads.erase(s.stacks->threads.begin() + 2);
  give_functions(s, 3, {"pause", "Config::Config()", "config()", "main"});  // two of them: nobody knows
  CHECK(graph_of(s).waits.front().owner == 0);
}

TEST_CASE("chains lead to the one thread that holds and does not wait") {
  // 10, 11, 12 → 3 → 2 → 1; 20 → 1; 30 → nobody
  FutexMemoryBuilder low;
  low.set(0, 2);
  auto graph = graph_of({thread(1, "root"), mutex_waiter(2, 0x1000, 1), mutex_waiter(3, 0x2000, 2),
                         mutex_waiter(10, 0x3000, 3), mutex_waiter(11, 0x3000, 3), mutex_waiter(12, 0x3000, 3),
                         mutex_waiter(20, 0x4000, 1), futex_waiter(30, 0x5000, 0x80, 2, low)});
  REQUIRE(graph.roots.size() == 1);
  CHECK(graph.roots.front().tid == 1);
  CHECK(graph.roots.front().waiters == 6);
  CHECK(graph.roots.front().chain == std::vector<int>{10, 3, 2, 1});
}

TEST_CASE("a lock that is a global variable has its name") {
  FutexMemoryBuilder memory = glibc_rwlock(12, 3, 1, 3);
  Thread waiter = futex_waiter(2, 0x100c, 0x189, 3, memory);
  waiter.futex->symbol = "g_table", waiter.futex->symbol_offset = 0x0c;
  CHECK(graph_of({thread(1, "w"), waiter}).objects.front().symbol == "g_table");
  waiter.futex->symbol_offset = 0x4c;
  CHECK(graph_of({thread(1, "w"), waiter}).objects.front().symbol == "g_table+0x40");
}

TEST_CASE("Rust mutex: inlined and mangled functions of std are looked through") {
  auto kind = [](const std::vector<std::string>& functions) {
    Snapshot s;
    s.threads = std::vector<Thread>{futex_waiter(1, 0x1000, 0x89, 2, FutexMemoryBuilder().set(0, 2))};
    give_functions(s, 1, functions);
    auto graph = graph_of(s);
    return graph.waits.size() == 1 ? graph.waits.front().kind : WaitKind::kUnknown;
  };
  CHECK(kind({"syscall", "std::sys::pal::unix::futex::futex_wait",
              "std::sys::sync::mutex::futex::Mutex::lock_contended", "app::transfer"}) == WaitKind::kNoOwnerMutex);
  CHECK(kind({"syscall", "<std::sys::sync::mutex::futex::Mutex>::lock_contended", "app::transfer"}) ==
        WaitKind::kNoOwnerMutex);
  // rustc 1.95, v0.
  CHECK(kind({"syscall", "_RNvNtNtNtNtCsjrHSEGnQ3l9_3std3sys3pal4unix5futex10futex_wait",
              "_RNvMNtNtNtNtCsjrHSEGnQ3l9_3std3sys4sync5mutex5futexNtB2_5Mutex14lock_contended", "app::transfer"}) ==
        WaitKind::kNoOwnerMutex);
  CHECK(kind({"syscall", "std::sys::pal::unix::futex::futex_wait", "std::sys::sync::condvar::futex::Condvar::wait",
              "app::idle"}) == WaitKind::kUnknown);
}
