#include "collector/profile/jvm_threads.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/support/program.h"

namespace ec {

namespace {

JvmThreadDump recorded(const std::string& name) {
  auto dump = parse_jvm_threads(name, test::read_text(std::string(EC_FIXTURES) + "/jvm/" + name));
  REQUIRE(dump);
  return *dump;
}

const JvmThread& named(const JvmThreadDump& dump, std::string_view name) {
  auto found =
      std::find_if(dump.threads.begin(), dump.threads.end(), [&](const JvmThread& each) { return each.name == name; });
  REQUIRE(found != dump.threads.end());
  return *found;
}

std::vector<std::string> methods(const JvmThreadDump& dump, const JvmThread& thread) {
  std::vector<std::string> names;
  if (thread.stack)
    for (uint32_t frame : dump.stacks[*thread.stack])
      names.push_back(dump.frames[frame].method + " " + dump.frames[frame].place);
  return names;
}

}  // namespace

TEST_CASE("a thread dump of JDK 17: header, threads, frames, monitors") {
  JvmThreadDump dump = recorded("openjdk-17.txt");
  CHECK(dump.vm == "OpenJDK 64-Bit Server VM (17.0.15+6-Debian-1deb12u1 mixed mode, emulated-client, sharing)");
  CHECK(dump.taken.size() == 19);
  CHECK(dump.whole);
  CHECK(dump.jni_global_references > 0);
  const JvmThread& main = named(dump, "main");
  CHECK(main.number == 1);
  CHECK_FALSE(main.daemon);
  CHECK(main.doing == "waiting on condition");
  CHECK(main.state == "TIMED_WAITING (sleeping)");
  CHECK(main.cpu_seconds.value_or(0) > 0.001);
  CHECK(main.elapsed_seconds.value_or(0) > 1);
  CHECK(main.nid > 1000);
  CHECK(methods(dump, main) ==
        std::vector<std::string>{"java.lang.Thread.sleep Native Method",
                                 "Locks.main Locks.java:" + methods(dump, main).back().substr(22)});
  CHECK(named(dump, "Finalizer").daemon);
  const JvmThread& vm = named(dump, "VM Thread");
  CHECK(vm.number == 0);
  CHECK(vm.doing == "runnable");
  CHECK(vm.state.empty());
  CHECK_FALSE(vm.stack);

  const JvmThread &one = named(dump, "transfer-1"), &two = named(dump, "transfer-2");
  CHECK(one.state == "BLOCKED (on object monitor)");
  CHECK(one.doing == "waiting for monitor entry");
  REQUIRE(one.locks.size() == 2);
  REQUIRE(two.locks.size() == 2);
  CHECK(one.locks[0].use == JvmLockUse::kWaitingToLock);
  CHECK(one.locks[0].class_name == "java.lang.Object");
  CHECK(one.locks[0].frame == 0);
  CHECK(one.locks[1].use == JvmLockUse::kLocked);
  CHECK(one.locks[0].address == two.locks[1].address);
  CHECK(one.locks[1].address == two.locks[0].address);

  const JvmThread& odd = named(dump, "reload \"odd\" #7");
  REQUIRE(odd.locks.size() == 1);
  CHECK(odd.locks[0].class_name == "Locks$Cache");
  CHECK(odd.locks[0].frame == 1);
  CHECK(named(dump, "refund-1").locks.front().use == JvmLockUse::kParking);
  CHECK(named(dump, "in-wait").locks.front().use == JvmLockUse::kWaitingOn);
  // The same stack, but for the object.
  CHECK(named(dump, "look-0").stack == named(dump, "look-2").stack);
  CHECK(methods(dump, named(dump, "look-0")).front().starts_with("Locks.look Locks.java:"));
}

TEST_CASE("hidden classes lose the address in their name, which differs from run to run") {
  JvmThreadDump dump = recorded("openjdk-17.txt");
  for (const JvmFrame& frame : dump.frames) CHECK(frame.method.find("0x") == std::string::npos);
  auto frames = methods(dump, named(dump, "transfer-1"));
  CHECK(std::any_of(frames.begin(), frames.end(),
                    [](const std::string& each) { return each.starts_with("Locks$$Lambda$"); }));
}

TEST_CASE("deadlocks as the JVM found them, of monitors and of java.util.concurrent") {
  JvmThreadDump dump = recorded("openjdk-17.txt");
  REQUIRE(dump.deadlocks.size() == 2);
  const auto& monitors = dump.deadlocks[0];
  REQUIRE(monitors.size() == 2);
  CHECK(monitors[0].thread == "transfer-1");
  CHECK(monitors[0].holder == "transfer-2");
  CHECK(monitors[0].class_name == "java.lang.Object");
  CHECK(monitors[0].object == named(dump, "transfer-1").locks[0].address);
  CHECK_FALSE(monitors[0].synchronizer);
  const auto& locks = dump.deadlocks[1];
  REQUIRE(locks.size() == 2);
  CHECK(locks[0].synchronizer);
  CHECK(locks[0].holder == locks[1].thread);
  CHECK(locks[1].holder == locks[0].thread);
  CHECK(locks[0].class_name == "java.util.concurrent.locks.ReentrantLock$NonfairSync");
  CHECK(locks[0].object == named(dump, locks[0].thread).locks[0].address);
}

TEST_CASE("jstack -l: locked ownable synchronizers") {
  JvmThreadDump dump = recorded("openjdk-17-locks.txt");
  CHECK(dump.whole);
  const JvmThread& refund = named(dump, "refund-1");
  REQUIRE(refund.synchronizers.size() == 1);
  CHECK(refund.synchronizers[0].class_name == "java.util.concurrent.locks.ReentrantLock$NonfairSync");
  CHECK(refund.synchronizers[0].address == named(dump, "refund-2").locks.front().address);
  CHECK(named(dump, "main").synchronizers.empty());
}

TEST_CASE("jstack -l -e: what threads allocated, threads with two synchronizers and with many locks") {
  JvmThreadDump dump = recorded("openjdk-17-extended.txt");
  CHECK(dump.whole);
  CHECK(dump.threads.size() == 31);
  CHECK(dump.deadlocks.size() == 2);
  const JvmThread& owner = named(dump, "owner \"quoted\" #7");
  CHECK(owner.number == 13);
  CHECK(owner.nid == 0x3961);
  CHECK(owner.doing == "waiting on condition");
  CHECK(owner.elapsed_seconds == 7.31);
  REQUIRE(owner.synchronizers.size() == 2);
  CHECK(owner.synchronizers[1].class_name == "java.util.concurrent.locks.ReentrantReadWriteLock$NonfairSync");
  CHECK(named(dump, "reader").locks.front().address == owner.synchronizers[1].address);
  CHECK(named(dump, "parked").locks.front().class_name == "java.lang.String");
  CHECK(named(dump, "timed").locks.empty());
  CHECK(methods(dump, named(dump, "recursion")).size() > 40);
  CHECK(named(dump, "spinner").state == "RUNNABLE");
}

// Forms of other versions, as their sources print them (Thread::print_on, osThread.cpp, vframe.cpp).
TEST_CASE("thread dumps of JDK 8 and of JDK 21") {
  auto eight = parse_jvm_threads("8",
                                 "2020-11-16 23:50:41\n"
                                 "Full thread dump Java HotSpot(TM) 64-Bit Server VM (25.212-b10 mixed mode):\n\n"
                                 "\"pool-1-thread-1\" #18 daemon prio=5 os_prio=0 tid=0x0000000019fca800 nid=0x25ec in "
                                 "Object.wait() [0x000000001b9de000]\n"
                                 "   java.lang.Thread.State: TIMED_WAITING (on object monitor)\n"
                                 "        at java.lang.Object.wait(Native Method)\n"
                                 "        - waiting on <no object reference available>\n"
                                 "        at app.Timer.run(Timer.java:168)\n"
                                 "        - locked <0x00000000d8408178> (a [I)\n\n"
                                 "\"VM Thread\" os_prio=0 tid=0x00007f5c18075000 nid=0x3 runnable \n\n"
                                 "JNI global references: 316\n\n");
  REQUIRE(eight);
  REQUIRE(eight->threads.size() == 2);
  CHECK(eight->taken == "2020-11-16 23:50:41");
  CHECK(eight->threads[0].nid == 0x25ec);
  CHECK(eight->threads[0].doing == "in Object.wait()");
  CHECK_FALSE(eight->threads[0].cpu_seconds);
  REQUIRE(eight->threads[0].locks.size() == 1);
  CHECK(eight->threads[0].locks[0].class_name == "[I");
  CHECK(eight->jni_global_references == 316);
  CHECK(eight->whole);

  auto later = parse_jvm_threads(
      "21",
      "2026-01-20 17:29:40\nFull thread dump OpenJDK 64-Bit Server VM (21.0.9+10-LTS mixed mode, sharing):\n\n"
      "\"Reference Handler\" #9 [30467] daemon prio=10 os_prio=0 cpu=0.44ms elapsed=25574.11s "
      "tid=0x000000010328e320 nid=30467 waiting on condition  [0x000000016e7c2000]\n"
      "   java.lang.Thread.State: RUNNABLE\n\n"
      "\"ForkJoinPool-1-worker-1\" #180 [197123] daemon prio=6 os_prio=0 cpu=0.46ms elapsed=40545.13s "
      "tid=0x0000000111f7a000  [0x000000047e229000]\n"
      "   Carrying virtual thread #179\n"
      "\tat jdk.internal.vm.Continuation.run(java.base@21.0.9/Continuation.java:248)\n"
      "\tat java.lang.VirtualThread$$Lambda/0x00000078038c15e0.run(java.base@21.0.9/Unknown Source)\n"
      "\t- waiting to re-lock in wait() <0x00000000ffd1aa30> (a java.lang.Class for app.Main)\n\n");
  REQUIRE(later);
  REQUIRE(later->threads.size() == 2);
  CHECK(later->threads[0].nid == 30467);
  CHECK(later->threads[1].nid == 197123);
  CHECK(later->threads[1].number == 180);
  CHECK(later->frames[1].method == "java.lang.VirtualThread$$Lambda.run");
  REQUIRE(later->threads[1].locks.size() == 1);
  CHECK(later->threads[1].locks[0].use == JvmLockUse::kWaitingToRelock);
  CHECK(later->threads[1].locks[0].class_name == "java.lang.Class for app.Main");
  CHECK_FALSE(later->whole);
}

TEST_CASE("a dump that ends early gives what it has and says that it is not whole") {
  std::string text = test::read_text(std::string(EC_FIXTURES) + "/jvm/openjdk-17.txt");
  size_t all = recorded("openjdk-17.txt").threads.size(), last = 0;
  for (size_t length = 200; length < text.size(); length += 97) {
    auto part = parse_jvm_threads("part", std::string_view(text).substr(0, length));
    REQUIRE(part);
    CHECK(part->threads.size() >= last);
    CHECK(part->threads.size() <= all);
    if (part->whole) CHECK(part->threads.size() == all);
    last = part->threads.size();
  }
  CHECK(last == all);
}

TEST_CASE("what is no thread dump is refused, with its place") {
  for (std::string_view text : {"", "hello\nworld\n", "\"main\" #1 tid=0x1 nid=0x1 runnable\n"}) {
    auto dump = parse_jvm_threads("raw/x", text);
    REQUIRE_FALSE(dump);
    CHECK(dump.error().code == ErrorCode::kMalformed);
    CHECK(dump.error().where.starts_with("raw/x:"));
  }
}

TEST_CASE("a dump in the middle of a log, and another one behind it") {
  auto dump = parse_jvm_threads("log",
                                "INFO started\n2026-01-20 17:29:40\nFull thread dump OpenJDK (17):\n"
                                "\"one\" #1 prio=5 os_prio=0 tid=0x1 nid=0x11 runnable\n"
                                "Full thread dump OpenJDK (17):\n"
                                "\"two\" #1 prio=5 os_prio=0 tid=0x1 nid=0x11 runnable\n");
  REQUIRE(dump);
  REQUIRE(dump->threads.size() == 1);
  CHECK(dump->threads[0].name == "one");
}

}  // namespace ec
