// Stacks of real processes: equal to those of eu-stack(1), without a pause for blocked threads, and with nobody left
// stopped.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "tests/live/stack_dumps.h"
#include "tests/live/stack_programs.h"
#include "tests/support/place.h"

namespace ec::test {

TEST_CASE("a C++ program's threads are read to their start") {
  BackgroundProgram idle({EC_TARGETS_DIR "/idle", "5"});
  REQUIRE_FALSE(idle.wait_for_line("ready").empty());
  same_as_eu_stack(idle.pid());
}

TEST_CASE("Redis is read to the start of each thread") {
  TempDir folder;
  BackgroundProgram redis(
      {"redis-server", "--port", "0", "--save", "", "--dir", folder.path(), "--unixsocket", folder / "socket"});
  REQUIRE_FALSE(redis.wait_for_line("ready to accept").empty());
  same_as_eu_stack(redis.pid());
}

TEST_CASE("PostgreSQL and its background processes are read to _start") {
  if (is_root() && !may_become_nobody()) return not_run_here("postgres needs a user other than root");
  Postgres postgres;
  REQUIRE(postgres.ready());
  for (pid_t pid : postgres.processes()) same_as_eu_stack(pid);
}

TEST_CASE("nginx master and workers are read to _start") {
  if (is_root() && !may_become_nobody()) return not_run_here("nginx, started by root, needs a second user");
  Nginx nginx;
  REQUIRE(nginx.ready());
  for (pid_t pid : nginx.processes()) same_as_eu_stack(pid);
}

TEST_CASE("a Python program with threads is read to their start") {
  BackgroundProgram python(
      {"/usr/bin/python3", "-u", "-c",
       "import threading,time\nfor i in range(3): threading.Thread(target=time.sleep,args=(600,)).start()\n"
       "print('ready')\ntime.sleep(600)"});
  REQUIRE_FALSE(python.wait_for_line("ready").empty());
  same_as_eu_stack(python.pid());
}

TEST_CASE("a stripped static binary without a frame table is read to its entry") {
  BackgroundProgram program({EC_TARGETS_DIR "/static_stripped"});
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  REQUIRE(settled(program.pid()));
  Snapshot snapshot = dump(program.pid(), StackMode::kAuto);
  REQUIRE(snapshot.stacks->stacks.size() == 1);
  CHECK(snapshot.stacks->stacks[0].end == "root");
  CHECK(snapshot.stacks->stacks[0].frames.size() >= 10);
  for (const Frame& frame : snapshot.stacks->frames) {
    CHECK(frame.module_offset == frame.pc);
    CHECK_FALSE(frame.unknown_reason.empty());
  }
}

TEST_CASE("an executable that was deleted keeps its names") {
  TempDir folder;
  std::filesystem::copy_file(EC_TARGETS_DIR "/idle", folder / "gone");
  BackgroundProgram program({folder / "gone"});
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  REQUIRE(settled(program.pid()));
  std::filesystem::remove(folder / "gone");
  Snapshot snapshot = dump(program.pid(), StackMode::kAuto);
  CHECK(contains(symbols(*snapshot.stacks, snapshot.stacks->threads[0]), "wait_deep"));
  CHECK(snapshot.stacks->unresolved_frames == 0);
}

TEST_CASE("blocked threads see no EINTR, in no-stop and auto mode") {
  Conversation waits({EC_TARGETS_DIR "/waits"});
  REQUIRE(waits.started());
  REQUIRE(eventually([&] { return states(waits.pid()).count('S') == 7; }));
  for (int i = 0; i < 10; ++i) {
    Snapshot snapshot = dump(waits.pid(), i % 2 ? StackMode::kAuto : StackMode::kNoStop);
    CHECK(snapshot.stacks->pause.syscalls_interrupted == 0);
    CHECK(snapshot.stacks->pause.threads_read_without_stop >= 7);
    // Only the thread that computes is stopped, and only when that is allowed.
    CHECK(snapshot.stacks->pause.threads_stopped == (i % 2 ? 1 : 0));
  }
  CHECK(waits.number("eintr") == 0);
}

TEST_CASE("the calls that a consistent stop interrupts are counted exactly") {
  Conversation waits({EC_TARGETS_DIR "/waits"});
  REQUIRE(waits.started());
  REQUIRE(eventually([&] { return states(waits.pid()).count('S') == 7; }));
  int reported = 0;
  for (int i = 0; i < 5; ++i) {
    Snapshot snapshot = dump(waits.pid(), StackMode::kConsistent);
    CHECK(snapshot.stacks->pause.mode == "consistent");
    CHECK(snapshot.stacks->pause.threads_stopped == 8);
    CHECK(snapshot.stacks->pause.stop_us >= snapshot.stacks->pause.worst_thread_us);
    reported += snapshot.stacks->pause.syscalls_interrupted;
    for (const ThreadStack& thread : snapshot.stacks->threads) CHECK(thread.read_by == "ptrace");
    // Each is back in its call before the next stop.
    REQUIRE(eventually([&] { return states(waits.pid()).count('S') == 7; }));
  }
  CHECK(reported > 0);
  CHECK(waits.number("eintr") == reported);
}

// The states of the threads come from before the stop, not from within it.
TEST_CASE("a consistent stop is not what the threads are said to wait in") {
  BackgroundProgram idle({EC_TARGETS_DIR "/idle", "300"});
  REQUIRE_FALSE(idle.wait_for_line("ready").empty());
  for (int i = 0; i < 5; ++i) {
    TempDir folder;
    auto run = collect({"--pid", std::to_string(idle.pid()), "--profile-seconds", "0", "--endpoint", "none", "--stacks",
                        "consistent", "--max-pause", "1000", "--quiet", "-o", folder.path()});
    REQUIRE((run.exit_code == 0 || run.exit_code == 3));
    auto stacks = nlohmann::json::parse(collect({"show", folder.find(".tar.zst"), "threads/stacks.json"}).out);
    CHECK(stacks["pause"]["mode"] == "consistent");
    for (const auto& thread : stacks["threads"]) {
      CHECK(thread["state"] == "S");
      CHECK(thread["syscall"].dump().find("pause") != std::string::npos);
      CHECK(thread["kernel_frames"].dump().find("ptrace") == std::string::npos);
      CHECK(thread["read_by"] == "ptrace");
    }
  }
}

TEST_CASE("a series of samples tells who moves, and go tool pprof opens it") {
  Conversation waits({EC_TARGETS_DIR "/waits"});
  REQUIRE(waits.started());
  REQUIRE(eventually([&] { return states(waits.pid()).count('S') == 7; }));
  TempDir folder;
  auto run = collect({"--pid", std::to_string(waits.pid()), "--profile-seconds", "0", "--endpoint", "none", "--samples",
                      "4", "--every", "0.1", "-o", folder.path()});
  REQUIRE(run.exit_code == 0);
  CHECK(run.out.find("4 samples in 0.3 s: 7 of 8 threads never moved") != std::string::npos);
  CHECK(waits.number("eintr") == 0);
  CHECK(runs_freely(waits.pid()));
  std::string archive = folder.find(".tar.zst");
  CHECK(collect({"show", archive, "threads/samples.txt"}).out.find("in_semop") != std::string::npos);
  CHECK(collect({"show", archive, "threads/samples.folded"}).out.find("clone3;start_thread;in_mutex;") !=
        std::string::npos);
  write_text(folder / "samples.pb.gz", collect({"show", archive, "profiles/samples.pb.gz"}).out);
  auto top = run_program({"go", "tool", "pprof", "-top", folder / "samples.pb.gz"});
  CHECK(top.exit_code == 0);
  CHECK(top.out.find("Type: wall") != std::string::npos);
  CHECK(top.out.find("epoll_wait") != std::string::npos);
}

TEST_CASE("no stack of any kind is read when none is wanted") {
  BackgroundProgram idle({EC_TARGETS_DIR "/idle", "3"});
  REQUIRE_FALSE(idle.wait_for_line("ready").empty());
  Snapshot none = dump(idle.pid(), StackMode::kNone), kernel = dump(idle.pid(), StackMode::kKernel);
  for (const Thread& thread : *none.threads) {
    REQUIRE_FALSE(thread.kernel_frames);
    CHECK(thread.kernel_frames.why().code == ErrorCode::kSkipped);
  }
  CHECK(none.stacks->threads.empty());
  CHECK(kernel.stacks->threads.empty());
  if (geteuid() == 0)
    for (const Thread& thread : *kernel.threads) CHECK(thread.kernel_frames);
}

TEST_CASE("a consistent stop that would be too long becomes a gentler one, and says so") {
  BackgroundProgram idle({EC_TARGETS_DIR "/idle", "200"});
  REQUIRE_FALSE(idle.wait_for_line("ready").empty());
  Snapshot snapshot = dump(idle.pid(), StackMode::kConsistent, milliseconds(1));
  CHECK(snapshot.stacks->pause.asked == "consistent");
  CHECK(snapshot.stacks->pause.mode == "auto");
  CHECK(snapshot.stacks->pause.why_gentler.find("stopping 201 threads together was estimated at") == 0);
}

// PROMISES.md, 1.
TEST_CASE("killing the collector at any moment leaves every thread running") {
  Conversation waits({EC_TARGETS_DIR "/waits"});
  REQUIRE(waits.started());
  auto target = identify(waits.pid());
  REQUIRE(target);
  std::mt19937 random(20261120);
  for (int i = 0; i < 60; ++i) {
    pid_t collector = fork();
    if (collector == 0) {
      RunOptions options;
      options.stacks = i % 3 ? StackMode::kConsistent : StackMode::kAuto;
      while (true) {
        StoreSink sink;
        sink.run(gather_stacks, &*target, options);
      }
    }
    usleep(static_cast<useconds_t>(random() % 30'000));  // the moment of the kill, not a wait for something
    kill(collector, SIGKILL);
    waitpid(collector, nullptr, 0);
    // Its own child, which holds the threads, dies right behind it.
    REQUIRE(eventually([&] { return runs_freely(waits.pid()); }));
  }
  long before = waits.number("work");
  CHECK(eventually([&] { return waits.number("work") > before; }));
}

TEST_CASE("signals that arrive during stops are all delivered") {
  Conversation target({EC_TARGETS_DIR "/odd", "signals"});
  REQUIRE(target.started());
  pid_t sender = fork();
  if (sender == 0) {
    for (int i = 0; i < 500; ++i) {
      while (sigqueue(target.pid(), SIGRTMIN, {}) != 0) usleep(100);
      usleep(200);
    }
    _exit(0);
  }
  while (waitpid(sender, nullptr, WNOHANG) == 0) dump(target.pid(), StackMode::kConsistent);
  CHECK(eventually([&] { return target.number("") == 500; }));
  CHECK(runs_freely(target.pid()));
}

TEST_CASE("a thread stuck in vfork is read without a stop and delays nobody") {
  BackgroundProgram program({EC_TARGETS_DIR "/odd", "vfork"});
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  REQUIRE(eventually([&] { return states(program.pid()).count('D') == 1; }));
  for (StackMode mode : {StackMode::kAuto, StackMode::kConsistent}) {
    Snapshot snapshot = dump(program.pid(), mode);
    int stuck = 0;
    for (const Thread& thread : *snapshot.threads)
      if (thread.state == 'D') stuck = thread.tid;
    const ThreadStack& stack = stack_of(*snapshot.stacks, stuck);
    CHECK(stack.read_by == "no-stop");
    CHECK(contains(symbols(*snapshot.stacks, stack), "stuck_in_vfork"));
    for (const ThreadStack& thread : snapshot.stacks->threads)
      if (thread.tid != stuck) CHECK(thread.stack);
  }
  CHECK(runs_freely(program.pid()));
}

TEST_CASE("a process whose leader has ended is read through another thread") {
  BackgroundProgram program({EC_TARGETS_DIR "/odd", "zombie-leader"});
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  REQUIRE(eventually([&] { return states(program.pid()).count('Z') == 1; }));
  for (StackMode mode : {StackMode::kAuto, StackMode::kConsistent}) {
    Snapshot snapshot = dump(program.pid(), mode);
    CHECK(snapshot.threads->size() == 3);
    CHECK(snapshot.stacks->threads.size() == 2);
    for (const ThreadStack& thread : snapshot.stacks->threads)
      CHECK(contains(symbols(*snapshot.stacks, thread), "start_thread"));
  }
}

TEST_CASE("a traced process is read without a stop, and its tracer is named") {
  BackgroundProgram program({EC_TARGETS_DIR "/odd", "traced"});
  std::string line = program.wait_for_line("ready");
  REQUIRE_FALSE(line.empty());
  REQUIRE(settled(program.pid()));
  Snapshot snapshot = dump(program.pid(), StackMode::kConsistent);
  CHECK(snapshot.stacks->pause.mode == "no-stop");
  CHECK(snapshot.stacks->pause.why_gentler == fmt::format("odd ({}) traces it already", line.substr(6)));
  CHECK(contains(symbols(*snapshot.stacks, snapshot.stacks->threads[0]), "main"));
}

TEST_CASE("a process stopped on purpose stays stopped") {
  BackgroundProgram idle({EC_TARGETS_DIR "/idle", "3"});
  REQUIRE_FALSE(idle.wait_for_line("ready").empty());
  REQUIRE(settled(idle.pid()));
  kill(idle.pid(), SIGSTOP);
  REQUIRE(eventually([&] { return states(idle.pid()).count('T') == 4; }));
  for (StackMode mode : {StackMode::kAuto, StackMode::kConsistent}) {
    Snapshot snapshot = dump(idle.pid(), mode);
    CAPTURE(snapshot.stacks->pause.mode);
    for (const ThreadStack& thread : snapshot.stacks->threads)
      CHECK(contains(symbols(*snapshot.stacks, thread), "wait_deep"));
    CHECK(eventually([&] { return states(idle.pid()).count('T') == 4; }));
  }
  kill(idle.pid(), SIGCONT);
  CHECK(eventually([&] { return states(idle.pid()).count('S') == 4; }));
}

TEST_CASE("the stack under a signal handler on its own stack is found") {
  BackgroundProgram program({EC_TARGETS_DIR "/odd", "altstack"});
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  REQUIRE(settled(program.pid()));
  for (StackMode mode : {StackMode::kAuto, StackMode::kConsistent}) {
    Snapshot snapshot = dump(program.pid(), mode);
    std::vector<std::string> names = symbols(*snapshot.stacks, snapshot.stacks->threads[0]);
    CHECK(contains(names, "on_signal"));
    CHECK(contains(names, "interrupted"));
    CHECK(names.back() == "_start");
  }
}

TEST_CASE("a stack of thousands of calls is read to its start") {
  BackgroundProgram program({EC_TARGETS_DIR "/odd", "deep"});
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  REQUIRE(settled(program.pid()));
  Snapshot snapshot = dump(program.pid(), StackMode::kAuto);
  REQUIRE(snapshot.stacks->stacks.size() == 1);
  CHECK(snapshot.stacks->stacks[0].end == "root");
  CHECK(snapshot.stacks->stacks[0].frames.size() > 20000);
  CHECK(contains(symbols(*snapshot.stacks, snapshot.stacks->threads[0]), "main"));
}

TEST_CASE("threads that are born and end all the time neither hang nor stay stopped") {
  BackgroundProgram program({EC_TARGETS_DIR "/odd", "churn"});
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  for (int i = 0; i < 20; ++i) {
    Snapshot snapshot = dump(program.pid(), i % 2 ? StackMode::kAuto : StackMode::kConsistent);
    CHECK(contains(symbols(*snapshot.stacks, stack_of(*snapshot.stacks, program.pid())), "main"));
  }
  CHECK(eventually([&] { return runs_freely(program.pid()); }));
}

TEST_CASE("a thousand threads take little room and little memory") {
  BackgroundProgram idle({EC_TARGETS_DIR "/idle", "1000"});
  REQUIRE_FALSE(idle.wait_for_line("ready").empty());
  REQUIRE(settled(idle.pid()));
  auto target = identify(idle.pid());
  REQUIRE(target);
  for (StackMode mode : {StackMode::kAuto, StackMode::kConsistent}) {
    RunOptions options;
    options.stacks = mode;
    StoreSink sink;
    pid_t helper = fork();
    if (helper == 0) {
      sink.run(gather_stacks, &*target, options);
      _exit(0);
    }
    rusage used{};
    REQUIRE(wait4(helper, nullptr, 0, &used) == helper);
    CHECK(used.ru_maxrss < 50 * 1024);
    sink.run(gather_stacks, &*target, options);
    auto text = sink.store.read("raw/stacks.json");
    REQUIRE(text);
    CHECK(text->size() < 300'000);
    auto stacks = parse_stacks_json("raw/stacks.json", *text);
    REQUIRE(stacks);
    CHECK(stacks->threads.size() == 1001);
    CHECK(stacks->stacks.size() <= 10);
    CHECK(stacks->unresolved_frames == 0);
  }
}

TEST_CASE("ten thousand threads are all read") {
  BackgroundProgram idle({EC_TARGETS_DIR "/idle", "10000"});
  REQUIRE_FALSE(idle.wait_for_line("ready").empty());
  REQUIRE(settled(idle.pid()));
  Snapshot snapshot = dump(idle.pid(), StackMode::kAuto);
  CHECK(snapshot.threads->size() == 10001);
  CHECK(snapshot.stacks->threads.size() == 10001);
  size_t whole = 0;
  for (const ThreadStack& thread : snapshot.stacks->threads)
    if (thread.stack && snapshot.stacks->stacks[*thread.stack].end == "root") ++whole;
  CHECK(whole == 10001);
}

TEST_CASE("a mutex waiter's lock word is read and its call is in words") {
  Conversation waits({EC_TARGETS_DIR "/waits"});
  REQUIRE(waits.started());
  REQUIRE(eventually([&] { return states(waits.pid()).count('S') == 7; }));
  Snapshot snapshot = dump(waits.pid(), StackMode::kAuto);
  int waiters = 0;
  for (const Thread& thread : *snapshot.threads) {
    if (!thread.futex || !thread.call) continue;
    ++waiters;
    CHECK(thread.call->text.find("futex(FUTEX_WAIT_PRIVATE") == 0);
    CHECK(thread.futex->address == thread.call->arguments[0]);
    REQUIRE(thread.futex->bytes.size() == 112);
    uint32_t owner;
    std::memcpy(&owner, thread.futex->bytes.data() + 48 + 8, sizeof owner);
    CHECK(owner == static_cast<uint32_t>(waits.pid()));  // glibc: __owner, 8 bytes behind the word
  }
  CHECK(waiters == 1);
}

}  // namespace ec::test
