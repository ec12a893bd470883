#include <catch2/catch.hpp>

#include "tests/unit/analysis/futex_threads.h"

using namespace ec;
using namespace ec::test;

namespace {

// Each of the tids gets the stack pthread_mutex_lock ← function ← main.
void give_stack(Snapshot& s, int tid, const std::string& function) {
  if (!s.stacks) s.stacks = Stacks{};
  auto& stacks = *s.stacks;
  Frame lock, own;
  lock.symbol = "pthread_mutex_lock", lock.module = "/usr/lib/x86_64-linux-gnu/libc.so.6";
  own.symbol = function, own.module = "/usr/bin/app";
  auto base = static_cast<uint32_t>(stacks.frames.size());
  stacks.frames.push_back(lock);
  stacks.frames.push_back(own);
  stacks.threads.push_back({tid, "no-stop", static_cast<uint32_t>(stacks.stacks.size()), 0, false, ""});
  stacks.stacks.push_back({{base, base + 1}, "root"});
}

Snapshot circle_of_two() {
  Snapshot s = healthy();
  s.threads = std::vector<Thread>{thread(42, "main"), mutex_waiter(43, 0x1000, 44), mutex_waiter(44, 0x2000, 43)};
  give_stack(s, 43, "transfer(Account&, Account&)");
  give_stack(s, 44, "audit()");
  return s;
}

}  // namespace

TEST_CASE("deadlock names threads, locks and functions") {
  auto found = findings_of(circle_of_two(), "deadlock");
  REQUIRE(found.size() == 1);
  CHECK(found.front().severity == Severity::kCritical);
  CHECK(found.front().title == "2 threads wait for each other");
  CHECK(found.front().detail ==
        "redis-server (pid 42) is deadlocked: worker-43 (tid 43), in transfer, waits for the mutex "
        "at 0x1000 that worker-44 (tid 44) holds and "
        "worker-44 (tid 44), in audit, waits for the mutex at 0x2000 that worker-43 (tid 43) holds. "
        "None of them ran between the two readings.");
  CHECK(found.front().evidence.front().artifact == "raw/futex.bundle");
  CHECK(found.front().evidence.front().locator == "section 43/1000");
  CHECK(severity(circle_of_two(), "deadlock-suspect") == "");
}

TEST_CASE("deadlock: of one, of two and of five threads") {
  auto title = [](int count) {
    Snapshot s = healthy();
    s.threads = std::vector<Thread>{thread(42, "main")};
    for (int i = 0; i < count; ++i)
      s.threads->push_back(mutex_waiter(100 + i, 0x1000 + 64 * static_cast<uint64_t>(i), 100 + (i + 1) % count));
    auto found = findings_of(s, "deadlock");
    return found.size() == 1 ? found.front().title : "";
  };
  CHECK(title(1) == "Thread 100 waits for itself");
  CHECK(title(2) == "2 threads wait for each other");
  CHECK(title(5) == "5 threads wait for each other");
}

TEST_CASE("deadlock: a thread that ran meanwhile is contended, not dead") {
  Snapshot s = circle_of_two();
  (*s.threads)[1].cpu_cores = 0.01;
  CHECK(severity(s, "deadlock") == "");
  CHECK(severity(s, "deadlock-suspect") == "");
  // Where run time is counted in ticks, context switches tell.
  s = circle_of_two();
  (*s.threads)[1].switched = true;
  CHECK(severity(s, "deadlock") == "");
  (*s.threads)[1].switched = false;
  CHECK(severity(s, "deadlock") == "critical");
}

TEST_CASE("deadlock-suspect: seen once, stopped by us, or with a time limit") {
  Snapshot s = circle_of_two();
  (*s.threads)[1].cpu_cores = std::nullopt;
  CHECK(severity(s, "deadlock") == "");
  CHECK(severity(s, "deadlock-suspect") == "high");
  s = circle_of_two();
  (*s.threads)[1] = futex_waiter(43, 0x1000, 0x189, 2, glibc_mutex(44), 0x7ffc0000);
  CHECK(severity(s, "deadlock") == "");
  CHECK(severity(s, "deadlock-suspect") == "high");
  s = circle_of_two();
  (*s.threads)[1].cpu_cores = 0.0001;
  s.stacks->threads[0].pause_us = 20;
  CHECK(severity(s, "deadlock") == "");
  CHECK(findings_of(s, "deadlock-suspect").front().detail.find("They were stopped for their stacks") !=
        std::string::npos);
}

TEST_CASE("deadlock counts the threads behind the circle") {
  Snapshot s = circle_of_two();
  for (int tid = 100; tid < 105; ++tid) s.threads->push_back(mutex_waiter(tid, 0x1000, 44));
  s.threads->push_back(mutex_waiter(200, 0x3000, 100));  // behind one of those
  CHECK(findings_of(s, "deadlock").front().detail.find(" 6 more threads wait behind them.") != std::string::npos);
}

TEST_CASE("deadlock-suspect: a mutex whose owner is gone, only with the stack as witness") {
  Snapshot s = healthy();
  s.threads = std::vector<Thread>{thread(42, "main"), mutex_waiter(43, 0x1000, 999)};
  CHECK(severity(s, "deadlock-suspect") == "");
  give_stack(s, 43, "log_line()");
  CHECK(severity(s, "deadlock-suspect") == "high");
}

TEST_CASE("a chain without a circle is no deadlock") {
  Snapshot s = healthy();
  s.threads = std::vector<Thread>{thread(42, "main"), mutex_waiter(43, 0x1000, 44), mutex_waiter(44, 0x2000, 42)};
  CHECK(severity(s, "deadlock") == "");
  CHECK(severity(s, "deadlock-suspect") == "");
}

TEST_CASE("lock-convoy: a holder that waits itself leads to the end of the chain") {
  Snapshot s = healthy();
  Thread root = thread(42, "flusher");
  BlockedCall call;
  call.name = "recvfrom", call.text = "recvfrom(fd 31 = tcp 10.0.0.1:44 → 10.0.0.9:5432)";
  root.call = call;
  s.threads = std::vector<Thread>{root, mutex_waiter(43, 0x1000, 42), mutex_waiter(44, 0x2000, 43)};
  for (int i = 0; i < 12; ++i) s.threads->push_back(mutex_waiter(100 + i, 0x3000, 44));
  for (auto& waiter : *s.threads)
    if (waiter.futex && waiter.futex->address == 0x3000) waiter.futex->symbol = "g_table";
  auto found = findings_of(s, "lock-convoy");
  REQUIRE(found.size() == 1);
  CHECK(found.front().detail ==
        "12 threads of redis-server (pid 42) wait for one mutex g_table at 0x3000; worker-44 (tid 44) holds it and "
        "waits for the mutex at 0x2000; at the end of this chain of 3 locks stands flusher (tid 42), which waits in "
        "recvfrom(fd 31 = "
        "tcp 10.0.0.1:44 → 10.0.0.9:5432).");
}

TEST_CASE("lock-convoy: eight waiters, the holder named with what it does") {
  auto with = [](int waiters) {
    Snapshot s = healthy();
    Thread holder = thread(42, "flusher", 'S');
    BlockedCall call;
    call.name = "fsync", call.text = "fsync(fd 9 = /var/lib/app/wal)";
    holder.call = call;
    s.threads = std::vector<Thread>{holder};
    for (int i = 0; i < waiters; ++i) s.threads->push_back(mutex_waiter(100 + i, 0x1000, 42));
    for (int i = 0; i < 30; ++i) s.threads->push_back(thread(500 + i, "idle"));
    return s;
  };
  CHECK(severity(with(7), "lock-convoy") == "");
  auto found = findings_of(with(8), "lock-convoy");
  REQUIRE(found.size() == 1);
  CHECK(found.front().severity == Severity::kMedium);
  CHECK(found.front().detail ==
        "8 threads of redis-server (pid 42) wait for one mutex at 0x1000; flusher (tid 42) holds it and waits in "
        "fsync(fd 9 = /var/lib/app/wal).");
  CHECK(severity(with(50), "lock-convoy") == "high");
}

TEST_CASE("lock-convoy: an idle pool on one condition variable is no convoy") {
  Snapshot s = healthy();
  s.threads = std::vector<Thread>{};
  for (int i = 0; i < 200; ++i) s.threads->push_back(futex_waiter(100 + i, 0x1028, 0x189, 0, FutexMemoryBuilder()));
  CHECK(analyse(s).empty());
}

namespace {

Thread rust_waiter(int tid, uint64_t address) {
  return futex_waiter(tid, address, 0x89, 2, FutexMemoryBuilder().set(0, 2));
}

// sem_t of glibc, which PyThread_acquire_lock_timed waits on: value 0, waiters @4.
Thread semaphore_waiter(int tid, uint64_t address) {
  return futex_waiter(tid, address, 0x189, 0, FutexMemoryBuilder().set(4, 1));
}

void give_python_stack(Snapshot& s, int tid, const std::string& function, const std::string& file,
                       const std::string& caller_module = "/usr/bin/python3.11", const std::string& caller = "") {
  if (!s.python) s.python = PythonRuntime{};
  give_functions(s, tid, {"__new_sem_wait_slow64", "PyThread_acquire_lock_timed", caller, function});
  auto& frames = s.stacks->frames;
  size_t end = frames.size();
  frames[end - 4].module = "/usr/lib/x86_64-linux-gnu/libc.so.6";
  frames[end - 3].module = "/usr/bin/python3.11";
  frames[end - 2].module = caller_module;
  frames[end - 1].found_by = "python", frames[end - 1].file = file, frames[end - 1].line = 14;
}

}  // namespace

TEST_CASE("deadlock-suspect: two locks without an owner, and nobody moves") {
  Snapshot s = healthy();
  s.threads = std::vector<Thread>{thread(42, "main"), rust_waiter(43, 0x1000), rust_waiter(44, 0x2000)};
  for (int tid : {43, 44})
    give_functions(s, tid, {"syscall", "std::sys::sync::mutex::futex::Mutex::lock_contended", "app::transfer"});
  for (auto& each : *s.threads) each.cpu_cores = 0;
  auto found = findings_of(s, "deadlock-suspect");
  REQUIRE(found.size() == 1);
  CHECK(found.front().severity == Severity::kMedium);
  CHECK(found.front().title == "2 threads wait for 2 locks that record no owner, and none moves");
  CHECK(
      found.front().detail ==
      "redis-server (pid 42) may be deadlocked: worker-43 (tid 43), in app::transfer, waits for the mutex (no owner "
      "written) at 0x1000 and worker-44 (tid 44), in app::transfer, waits for the mutex (no owner written) at 0x2000. "
      "Such locks do not record who holds them, so that it cannot be shown; none of these threads ran between the two "
      "readings. If each holds what another one wants, they wait for ever.");
  CHECK(findings_of(s, "deadlock").empty());
  // One that ran, a time limit, one reading, one lock: each takes it away.
  Snapshot ran = s;
  ran.threads->back().cpu_cores = 0.1;
  CHECK(findings_of(ran, "deadlock-suspect").empty());
  Snapshot once = s;
  for (auto& each : *once.threads) each.cpu_cores.reset();
  CHECK(findings_of(once, "deadlock-suspect").empty());
  Snapshot timed = s;
  timed.threads->back().call->arguments[3] = 0x7f00;
  CHECK(findings_of(timed, "deadlock-suspect").empty());
  Snapshot one_lock = s;
  one_lock.threads->back() = rust_waiter(44, 0x1000);
  one_lock.threads->back().cpu_cores = 0;
  CHECK(findings_of(one_lock, "deadlock-suspect").empty());
}

TEST_CASE("Python: locks are told from queues, events and pools by who waits") {
  auto kind = [](const std::string& function, const std::string& file,
                 const std::string& module = "/usr/bin/python3.11", const std::string& caller = "") {
    Snapshot s = healthy();
    s.threads = std::vector<Thread>{semaphore_waiter(43, 0x1000)};
    give_python_stack(s, 43, function, file, module, caller);
    return graph_of(s).waits.at(0).kind;
  };
  CHECK(kind("transfer", "/srv/bank.py") == WaitKind::kPythonLock);
  CHECK(kind("Account.transfer", "/srv/bank.py", "/usr/bin/python3.11", "lock_PyThread_acquire_lock") ==
        WaitKind::kPythonLock);
  CHECK(kind("consume", "/srv/bank.py", "/usr/lib/python3.11/lib-dynload/_queue.cpython-311-x86_64-linux-gnu.so") ==
        WaitKind::kSemaphore);
  CHECK(kind("consume", "/srv/bank.py", "/usr/bin/python3.11", "_queue_SimpleQueue_get_impl") == WaitKind::kSemaphore);
  CHECK(kind("Condition.wait", "/usr/lib/python3.11/threading.py") == WaitKind::kSemaphore);
  CHECK(kind("Thread._wait_for_tstate_lock", "/usr/lib/python3.11/threading.py") == WaitKind::kSemaphore);
  CHECK(kind("_worker", "/usr/lib/python3.11/concurrent/futures/thread.py") == WaitKind::kSemaphore);
  CHECK(kind("Event.wait", "/srv/threading.py") == WaitKind::kSemaphore);
}

TEST_CASE("lock-convoy: a pile on one Python lock, whose holder is not guessed") {
  Snapshot s = healthy();
  s.threads = std::vector<Thread>{thread(42, "main")};
  for (int tid = 100; tid < 112; ++tid) s.threads->push_back(semaphore_waiter(tid, 0x1000));
  for (auto& each : *s.threads) each.cpu_cores = 0;
  for (int tid = 100; tid < 112; ++tid) give_python_stack(s, tid, "look", "/srv/cache.py");
  auto found = findings_of(s, "lock-convoy");
  REQUIRE(found.size() == 1);
  CHECK(found.front().title == "12 of 13 threads wait for one Python lock");
  CHECK(
      found.front().detail ==
      "12 threads of redis-server (pid 42) wait for one Python lock at 0x1000; who holds it is not known, for a Python "
      "lock does not record its owner. None of them ran between the two readings. They want it in look (cache.py:14).");
  CHECK(findings_of(s, "deadlock-suspect").empty());
}

TEST_CASE("a thread that went on between the readings of its state and of its stack is said to have") {
  Snapshot s = healthy();
  Thread waiting = thread(43, "worker");
  BlockedCall call;
  call.name = "epoll_pwait", call.program_counter = 0x1002, call.text = "epoll_pwait(…)";
  waiting.call = call;
  s.threads = std::vector<Thread>{waiting};
  give_functions(s, 43, {"main.work", "runtime.goexit"});
  s.stacks->frames.front().pc = 0x1002;
  CHECK(doing_at_stack(ThreadIndex(s), waiting) == "waits in epoll_pwait(…)");
  s.stacks->frames.front().pc = 0x1000;  // the call begins again
  CHECK(doing_at_stack(ThreadIndex(s), waiting) == "waits in epoll_pwait(…)");
  s.stacks->frames.front().pc = 0x5000;
  CHECK(doing_at_stack(ThreadIndex(s), waiting) ==
        "ran when its stack was read; a moment before it waited in epoll_pwait");
  Thread running = thread(43, "worker");
  running.state = 'R';
  CHECK(doing_at_stack(ThreadIndex(s), running) == "waited when its stack was read; a moment before it ran");
  s.stacks->threads.front().read_by = "ptrace";
  CHECK(doing_at_stack(ThreadIndex(s), running) == "runs");
}
