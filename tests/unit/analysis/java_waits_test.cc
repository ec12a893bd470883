#include "collector/analysis/java_waits.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "collector/analysis/java_groups.h"
#include "tests/support/program.h"
#include "tests/unit/analysis/futex_threads.h"

using namespace ec;
using namespace ec::test;

namespace {

// tids are numbers from 100 on, in the order of the dump.
Snapshot with_dump(const std::string& text) {
  Snapshot s = healthy();
  auto dump = parse_jvm_threads("dump", text);
  REQUIRE(dump);
  JvmRuntime jvm;
  std::vector<Thread> threads;
  for (size_t i = 0; i < dump->threads.size(); ++i) {
    Thread t = thread(100 + static_cast<int>(i), dump->threads[i].name);
    t.runtime_name = dump->threads[i].name;
    jvm.tids.push_back(t.tid);
    threads.push_back(std::move(t));
  }
  jvm.dump = std::move(*dump);
  s.jvm = std::move(jvm);
  s.threads = std::move(threads);
  return s;
}

Snapshot recorded() { return with_dump(read_text(std::string(EC_FIXTURES) + "/jvm/openjdk-17.txt")); }

int tid_of(const Snapshot& s, std::string_view name) {
  for (const Thread& each : *s.threads)
    if (each.runtime_name == name) return each.tid;
  return 0;
}

std::string thread_text(const std::string& name, const std::string& state, const std::string& lines) {
  return "\"" + name + "\" #1 prio=5 os_prio=0 tid=0x1 nid=0x1 x\n   java.lang.Thread.State: " + state + "\n" + lines;
}
constexpr const char* kHead = "Full thread dump OpenJDK (17):\n";

}  // namespace

TEST_CASE("Java monitors: who waits for whom is in the dump") {
  Snapshot s = recorded();
  auto graph = graph_of(s);
  int one = tid_of(s, "transfer-1"), two = tid_of(s, "transfer-2");
  const Wait* wait = graph.wait_of(one);
  REQUIRE(wait);
  CHECK(wait->kind == WaitKind::kJavaMonitor);
  CHECK(wait->owner == two);
  CHECK(graph.object_of(one)->symbol == "java.lang.Object");
  CHECK(std::find(graph.cycles.begin(), graph.cycles.end(), std::vector<int>{one, two}) != graph.cycles.end());
  const Wait* look = graph.wait_of(tid_of(s, "look-1"));
  REQUIRE(look);
  CHECK(look->owner == tid_of(s, "reload \"odd\" #7"));
  CHECK(graph.object_of(look->waiter)->waiters.size() == 3);
  // Locks of java.util.concurrent have an owner where the JVM found the deadlock; Object.wait() is no wait for a
  // holder.
  CHECK(graph.wait_of(tid_of(s, "refund-1"))->owner == tid_of(s, "refund-2"));
  CHECK(graph.wait_of(tid_of(s, "refund-1"))->kind == WaitKind::kJavaLock);
  CHECK(graph.wait_of(tid_of(s, "in-wait")) == nullptr);
  CHECK(graph.wait_of(tid_of(s, "Finalizer")) == nullptr);
}

TEST_CASE("deadlock: of Java monitors and of locks, from one dump, with classes and lines") {
  Snapshot s = recorded();
  for (Thread& thread : *s.threads) thread.cpu_cores = 0.01;  // they look at the monitor again and again
  auto found = findings_of(s, "deadlock");
  REQUIRE(found.size() == 2);
  INFO(found.front().detail);
  CHECK(found.front().detail.find("transfer-1 (tid ") != std::string::npos);
  CHECK(found.front().detail.find("in Locks.transfer (Locks.java:") != std::string::npos);
  CHECK(found.front().detail.find("waits for the Java monitor java.lang.Object at 0x") != std::string::npos);
  CHECK(found.front().detail.find("from the thread dump of the JVM") != std::string::npos);
  CHECK(found.front().evidence.front().artifact == "raw/jvm/threaddump.txt");
  CHECK(found.front().evidence.front().locator == "\"transfer-1\"");
  CHECK(found.front().evidence[1].artifact == "threads/java.txt");
  CHECK(found.back().detail.find("the Java lock java.util.concurrent.locks.ReentrantLock$NonfairSync") !=
        std::string::npos);
  CHECK(findings_of(s, "deadlock-suspect").empty());
}

TEST_CASE("lock-convoy: a pile on one Java monitor, and what its holder does") {
  std::string text = kHead;
  text += thread_text("reload", "TIMED_WAITING (sleeping)",
                      "\tat java.lang.Thread.sleep(java.base@17/Native Method)\n\tat Cache.reload(Cache.java:60)\n"
                      "\t- locked <0xffd1> (a app.Cache)\n");
  for (int i = 0; i < 9; ++i)
    text += thread_text("look-" + std::to_string(i), "BLOCKED (on object monitor)",
                        "\tat Cache.look(Cache.java:66)\n\t- waiting to lock <0xffd1> (a app.Cache)\n");
  auto found = findings_of(with_dump(text), "lock-convoy");
  REQUIRE(found.size() == 1);
  CHECK(found.front().title == "9 of 10 threads wait for one Java monitor");
  CHECK(
      found.front().detail ==
      "9 threads of redis-server (pid 42) wait for one Java monitor app.Cache at 0xffd1; reload (tid 100) holds it, in "
      "Cache.reload (Cache.java:60) and is TIMED_WAITING (sleeping). They want it in Cache.look (Cache.java:66).");
}

TEST_CASE("a thread in Object.wait() has given the monitor back, and one that was woken wants it") {
  std::string waits =
      "\tat java.lang.Object.wait(java.base@17/Native Method)\n\t- waiting on <0xa> (a X)\n"
      "\tat Y.take(Y.java:1)\n\t- locked <0xa> (a X)\n";
  std::string blocked = "\tat Y.put(Y.java:2)\n\t- waiting to lock <0xa> (a X)\n";
  std::string holds = "\tat Y.put(Y.java:3)\n\t- locked <0xa> (a X)\n";
  Snapshot nobody = with_dump(kHead + thread_text("taker", "WAITING (on object monitor)", waits) +
                              thread_text("putter", "BLOCKED (on object monitor)", blocked));
  auto graph = graph_of(nobody);
  CHECK(graph.wait_of(100) == nullptr);
  REQUIRE(graph.wait_of(101));
  CHECK(graph.wait_of(101)->owner == 0);
  Snapshot woken = with_dump(kHead + thread_text("taker", "BLOCKED (on object monitor)", waits) +
                             thread_text("holder", "RUNNABLE", holds));
  graph = graph_of(woken);
  REQUIRE(graph.wait_of(100));
  CHECK(graph.wait_of(100)->owner == 101);
}

TEST_CASE("conditions, queues and latches are nobody's, and a lock with a time limit is only suspected") {
  auto parked = [](const std::string& class_name) {
    return thread_text(
        "pool", "WAITING (parking)",
        "\tat jdk.internal.misc.Unsafe.park(java.base@17/Native Method)\n\t- parking to wait for  <0xa> (a " +
            class_name + ")\n");
  };
  for (const char* name :
       {"java.util.concurrent.locks.AbstractQueuedSynchronizer$ConditionObject",
        "java.util.concurrent.CountDownLatch$Sync", "java.util.concurrent.SynchronousQueue$Transferer",
        "java.util.concurrent.Semaphore$NonfairSync"})
    CHECK(graph_of(with_dump(kHead + parked(name))).waits.empty());
  auto graph = graph_of(with_dump(kHead + parked("java.util.concurrent.locks.ReentrantLock$FairSync")));
  REQUIRE(graph.waits.size() == 1);
  CHECK(graph.waits.front().owner == 0);
  CHECK_FALSE(graph.waits.front().timed);
}

TEST_CASE("a Java wait stands for the futex that the JVM waits on") {
  Snapshot s = recorded();
  int one = tid_of(s, "transfer-1");
  for (Thread& each : *s.threads)
    if (each.tid == one) each = mutex_waiter(one, 0x1000, tid_of(s, "main"));
  auto graph = graph_of(s);
  CHECK(graph.wait_of(one)->kind == WaitKind::kJavaMonitor);
}

TEST_CASE("Java threads at the same stack in the same state are one group, and the JVM's own are apart") {
  Snapshot s = recorded();
  const JvmThreadDump& dump = s.jvm->dump;
  auto groups = group_java_threads(dump);
  REQUIRE(groups.size() > 5);
  CHECK(groups[0].members.size() == 3);
  CHECK(groups[0].state == "BLOCKED (on object monitor)");
  CHECK(java_states(dump).front() == std::pair<std::string, uint64_t>{"BLOCKED", 5});
  for (const auto& group : groups) CHECK(group.stack);
  size_t members = 0;
  for (bool of_vm : {false, true})
    for (const auto& group : group_java_threads(dump, of_vm)) members += group.members.size();
  CHECK(members == dump.threads.size());
}

TEST_CASE("the function of a Java thread is the program's, not the library's") {
  Snapshot s = recorded();
  ThreadIndex index(s);
  CHECK(program_function(index, tid_of(s, "refund-1")).starts_with("Locks.refund (Locks.java:"));
  CHECK(program_function(index, tid_of(s, "in-wait")).starts_with("Locks."));
  CHECK(program_function(index, tid_of(s, "Finalizer")).starts_with("java.lang.ref.ReferenceQueue.remove"));
}
