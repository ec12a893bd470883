// Thread dumps of real JVMs over their attach socket: when there is one, when it may be made, and when nobody must try.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>

#include "collector/base/text.h"
#include "collector/collectors/jvm.h"
#include "collector/collectors/stacks.h"
#include "collector/collectors/threads.h"
#include "collector/proc/pid_status.h"
#include "tests/live/files_sink.h"
#include "tests/live/java_programs.h"
#include "tests/live/stack_programs.h"
#include "tests/support/place.h"
#include "tests/support/program.h"

namespace ec::test {

namespace {

Snapshot dump_of(pid_t pid, bool attach = false) {
  RunOptions options;
  options.jvm_attach = attach;
  return collected(pid, {{gather_threads, parse_threads}, {gather_jvm, parse_jvm}}, options);
}

std::string reason(const Snapshot& snapshot) { return snapshot.jvm ? "" : snapshot.jvm.why().message(); }

// Old enough that it may be signalled.
bool grown(pid_t pid) {
  auto target = identify(pid);
  return target && eventually([&] {
           auto outlook = jvm_outlook(*target);
           return outlook && outlook->problem.find("runs for") == std::string::npos;
         });
}

const JvmThread* java_thread(const Snapshot& snapshot, std::string_view name) {
  for (const JvmThread& each : snapshot.jvm->dump.threads)
    if (each.name == name) return &each;
  return nullptr;
}

bool no_trigger(const JavaProgram& java) {
  std::string name = fmt::format("/.attach_pid{}", java.pid());
  return access((java.folder() + name).c_str(), F_OK) != 0 && access(("/tmp" + name).c_str(), F_OK) != 0;
}

}  // namespace

TEST_CASE("a JVM with an attach socket gives its thread dump, and gets no signal for it") {
  if (java_classes().empty()) return not_run_here(kNeedsJava);
  JavaProgram java({"-XX:+StartAttachListener"}, {"monitors", "convoy=3"});
  REQUIRE(java.ready());
  REQUIRE(eventually([&] { return java.has_socket(); }));
  Snapshot snapshot = dump_of(java.pid());
  INFO(reason(snapshot));
  REQUIRE(snapshot.jvm);
  CHECK_FALSE(snapshot.jvm->signalled);
  CHECK(snapshot.jvm->dump.whole);
  CHECK(snapshot.jvm->dump.deadlocks.size() == 1);
  CHECK(snapshot.jvm->answered_ms > 0);
  REQUIRE(java_thread(snapshot, "transfer-1"));
  // Every Java thread is a thread of the process, by the kernel's word for its name.
  REQUIRE(snapshot.threads);
  for (size_t i = 0; i < snapshot.jvm->tids.size(); ++i) {
    const JvmThread& thread = snapshot.jvm->dump.threads[i];
    INFO(thread.name);
    auto native = std::find_if(snapshot.threads->begin(), snapshot.threads->end(),
                               [&](const Thread& each) { return each.tid == snapshot.jvm->tids[i]; });
    // The one that serves us was made after the threads were listed.
    if (thread.name == "Attach Listener") continue;
    REQUIRE(native != snapshot.threads->end());
    CHECK(native->runtime_name == thread.name);
    if (thread.number > 10) CHECK(native->name == thread.name.substr(0, 15));
  }
  CHECK(java.lives());
  CHECK(runs_freely(java.pid()));
  kill(java.pid(), SIGTERM);
  CHECK(java.printed().empty());
}

TEST_CASE("the command stacks prints the deadlock of a JVM and its Java threads") {
  if (java_classes().empty()) return not_run_here(kNeedsJava);
  JavaProgram java({"-XX:+StartAttachListener"}, {"monitors"});
  REQUIRE(java.ready());
  REQUIRE(eventually([&] { return java.has_socket(); }));
  std::string text = collect({"stacks", std::to_string(java.pid())}).out;
  INFO(text);
  size_t deadlock = text.find("critical  deadlock: "), native = text.find("JavaMain"),
         java_part = text.find("Locks.transfer  ");
  CHECK(deadlock < native);
  CHECK(native < java_part);
  CHECK(java_part != std::string::npos);
}

TEST_CASE("a JVM without a socket is not sent a signal unless --jvm-attach asks for it") {
  if (java_classes().empty()) return not_run_here(kNeedsJava);
  JavaProgram java({});
  REQUIRE(java.ready());
  REQUIRE(grown(java.pid()));
  Snapshot without = dump_of(java.pid());
  REQUIRE_FALSE(without.jvm);
  CHECK(reason(without).find("no such attach socket") != std::string::npos);
  CHECK_FALSE(java.has_socket());
  CHECK(no_trigger(java));

  Snapshot with = dump_of(java.pid(), true);
  INFO(reason(with));
  REQUIRE(with.jvm);
  CHECK(with.jvm->signalled);
  CHECK(java_thread(with, "in-wait"));
  CHECK(no_trigger(java));
  CHECK(java.lives());
  // Now it has one.
  Snapshot again = dump_of(java.pid());
  REQUIRE(again.jvm);
  CHECK_FALSE(again.jvm->signalled);
  kill(java.pid(), SIGTERM);
  CHECK(java.printed().empty());  // the signal was understood: no stacks on its standard output
}

TEST_CASE("a JVM that SIGQUIT would end or make print is refused, and lives on") {
  if (java_classes().empty()) return not_run_here(kNeedsJava);
  struct Case {
    Words options;
    const char* variable;
    const char* reason;
  };
  auto [options, variable, expected] = GENERATE(values<Case>({
      {{"-XX:+DisableAttachMechanism"}, "", "-XX:+DisableAttachMechanism"},
      {{"@more.args"}, "", "-XX:+DisableAttachMechanism"},
      {{}, "JDK_JAVA_OPTIONS=-XX:+DisableAttachMechanism", "-XX:+DisableAttachMechanism"},
  }));
  INFO(expected);
  JavaProgram java(options, {"waiting"}, {}, [variable = variable] {
    write_text("more.args", "-XX:+DisableAttachMechanism\n");
    if (*variable) putenv(const_cast<char*>(variable));
  });
  REQUIRE(java.ready());
  REQUIRE(grown(java.pid()));
  Snapshot snapshot = dump_of(java.pid(), true);
  REQUIRE_FALSE(snapshot.jvm);
  CHECK(reason(snapshot).find(expected) != std::string::npos);
  CHECK(no_trigger(java));
  CHECK_FALSE(java.has_socket());
  CHECK(java.lives());
  kill(java.pid(), SIGKILL);
  CHECK(java.printed().empty());
}

TEST_CASE("a JVM with -Xrs has its socket from the start, and without it SIGQUIT would end it, and is not sent") {
  if (java_classes().empty()) return not_run_here(kNeedsJava);
  bool by_variable = GENERATE(false, true);
  JavaProgram java(by_variable ? Words{} : Words{"-Xrs"}, {"waiting"}, {}, [by_variable] {
    if (by_variable) putenv(const_cast<char*>("JAVA_TOOL_OPTIONS=-Xrs"));
  });
  REQUIRE(java.ready());
  REQUIRE(grown(java.pid()));
  Snapshot with = dump_of(java.pid(), true);
  INFO(reason(with));
  REQUIRE(with.jvm);
  CHECK_FALSE(with.jvm->signalled);
  // As tmpwatch(8) and its like leave it.
  REQUIRE(unlink(java.socket().c_str()) == 0);
  Snapshot without = dump_of(java.pid(), true);
  REQUIRE_FALSE(without.jvm);
  CHECK(reason(without).find("does not catch SIGQUIT") != std::string::npos);
  CHECK(no_trigger(java));
  CHECK(java.lives());
  CHECK(runs_freely(java.pid()));
}

TEST_CASE("a JVM that has just been started is not signalled") {
  if (java_classes().empty()) return not_run_here(kNeedsJava);
  JavaProgram java({});
  REQUIRE(java.ready());
  Snapshot snapshot = dump_of(java.pid(), true);
  if (snapshot.jvm) return;  // this machine took its time
  CHECK(reason(snapshot).find("may not be ready for SIGQUIT") != std::string::npos);
  CHECK(java.lives());
}

TEST_CASE("a stopped JVM is asked nothing, and stays stopped") {
  if (java_classes().empty()) return not_run_here(kNeedsJava);
  JavaProgram java({"-XX:+StartAttachListener"});
  REQUIRE(java.ready());
  REQUIRE(eventually([&] { return java.has_socket(); }));
  kill(java.pid(), SIGSTOP);
  REQUIRE(eventually(
      [&] { return read_text(fmt::format("/proc/{}/stat", java.pid())).find(") T ") != std::string::npos; }));
  for (bool attach : {false, true}) {
    Snapshot snapshot = dump_of(java.pid(), attach);
    REQUIRE_FALSE(snapshot.jvm);
    CHECK(reason(snapshot).find("it is stopped") != std::string::npos);
  }
  CHECK(read_text(fmt::format("/proc/{}/stat", java.pid())).find(") T ") != std::string::npos);
  kill(java.pid(), SIGCONT);
  REQUIRE(eventually([&] { return dump_of(java.pid()).jvm.has_value(); }));
}

TEST_CASE("with --jvm-attach, what is no JVM is refused by its name, and not signalled") {
  BackgroundProgram python({"python3", "-c", "import time; print('ready', flush=True); time.sleep(1000)"});
  REQUIRE_FALSE(python.wait_for_line("ready").empty());
  Snapshot snapshot = dump_of(python.pid(), true);
  REQUIRE_FALSE(snapshot.jvm);
  CHECK(reason(snapshot).find("python3 is no JVM") != std::string::npos);
  CHECK(kill(python.pid(), 0) == 0);
  CHECK(runs_freely(python.pid()));
  // Without it nothing is said: nobody asked.
  CHECK(dump_of(python.pid()).jvm.why().code == ErrorCode::kNotFound);
}

TEST_CASE("a JVM in PID and mount namespaces of its own, with a /tmp of its own") {
  if (java_classes().empty()) return not_run_here(kNeedsJava);
  std::string inside = fmt::format(
      "mount -t tmpfs none /mnt && cp -r {} /mnt/c && mount -t tmpfs none /tmp && cd / && "
      "exec java -Xmx64m -cp /mnt/c Locks waiting",
      java_classes());
  BackgroundProgram program({"unshare", "--pid", "--fork", "--mount", "--mount-proc", "sh", "-c", inside});
  if (program.wait_for_line("ready").empty()) return not_run_here("unshare(1) or mount(8) is not allowed");
  std::vector<pid_t> members = family(program.pid());
  REQUIRE(members.size() == 2);
  pid_t pid = members.back();
  REQUIRE(grown(pid));
  CHECK_FALSE(dump_of(pid).jvm);
  Snapshot snapshot = dump_of(pid, true);
  INFO(reason(snapshot));
  REQUIRE(snapshot.jvm);
  CHECK(snapshot.jvm->signalled);
  for (size_t i = 0; i < snapshot.jvm->tids.size(); ++i)
    if (snapshot.jvm->dump.threads[i].name == "in-wait") CHECK(snapshot.jvm->tids[i] >= pid);
  CHECK(dump_of(pid).jvm);
  CHECK(read_text("/proc/self/mounts").find("none /mnt ") == std::string::npos);
}

TEST_CASE("a JVM of another user is asked as that user") {
  if (java_classes().empty()) return not_run_here(kNeedsJava);
  if (!is_root() || !may_become_nobody()) return not_run_here("needs root");
  JavaProgram java({}, {"waiting"}, {}, [] {
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) _exit(1);
  });
  REQUIRE(java.ready());
  REQUIRE(grown(java.pid()));
  Snapshot snapshot = dump_of(java.pid(), true);
  INFO(reason(snapshot));
  REQUIRE(snapshot.jvm);
  CHECK(java_thread(snapshot, "in-wait"));
  CHECK(no_trigger(java));
  struct stat facts {};
  REQUIRE(stat(java.socket().c_str(), &facts) == 0);
  CHECK(facts.st_uid == 65534);
  // We are still who we were.
  CHECK(geteuid() == 0);
}

namespace {

struct Collected {
  std::string page, java;  // on the terminal, and threads/java.txt
};
Collected collected_page(pid_t pid) {
  TempDir folder;
  std::string page = collect({"--pid", std::to_string(pid), "--profile-seconds", "0", "-o", folder / "x.tar.zst"}).out;
  return {page, run_program({EC_BINARY, "show", folder / "x.tar.zst", "threads/java.txt"}).out};
}

}  // namespace

TEST_CASE("a Java deadlock and a Java convoy are on the page, with names, classes and lines") {
  if (java_classes().empty()) return not_run_here(kNeedsJava);
  JavaProgram java({"-XX:+StartAttachListener"}, {"monitors", "locks", "convoy=20"});
  REQUIRE(java.ready());
  REQUIRE(eventually([&] { return java.has_socket(); }));
  auto [page, text] = collected_page(java.pid());
  INFO(page);
  for (const char* part :
       {"is deadlocked: transfer-1 (tid ", "in Locks.transfer (Locks.java:", "Java monitor java.lang.Object",
        "is deadlocked: refund-1 (tid ", "of one moment, from the thread dump of the JVM", "20 threads of java",
        "one Java monitor Locks$Cache at 0x", "reload \"odd\" #7 (tid ", "JAVA THREADS  ",
        "To the JVM: one thread dump, answered in"})
    CHECK(page.find(part) != std::string::npos);
  // Its attach socket is no debug endpoint.
  CHECK(page.find(".java_pid") == std::string::npos);
  CHECK(text.find("A deadlock, as the JVM found it") != std::string::npos);
  CHECK(text.find(", which reload \"odd\" #7 (tid ") != std::string::npos);
}

TEST_CASE("secrets in the names of Java threads are replaced before they are stored") {
  if (java_classes().empty()) return not_run_here(kNeedsJava);
  JavaProgram java({"-XX:+StartAttachListener"}, {"waiting=pool postgres://shop:c4naryPassw0rd@db/orders"});
  REQUIRE(java.ready());
  REQUIRE(eventually([&] { return java.has_socket(); }));
  TempDir folder;
  std::string page = collect({"--pid", std::to_string(java.pid()), "--profile-seconds", "0", "--stacks", "auto", "-o",
                              folder / "x.zip", "--format", "zip"})
                         .out;
  std::string dump = run_program({EC_BINARY, "show", folder / "x.zip", "raw/jvm/threaddump.txt"}).out;
  CHECK(dump.find("pool postgres://") != std::string::npos);
  REQUIRE(run_program({"unzip", "-q", folder / "x.zip", "-d", folder / "all"}).exit_code == 0);
  CHECK(run_program({"grep", "-rl", "c4naryPassw0rd", folder / "all"}).out == "");
  CHECK(page.find("c4naryPassw0rd") == std::string::npos);
}

}  // namespace ec::test
