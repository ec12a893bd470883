// What a stop does to the system calls of the threads, and how far stacks are read without one.
#include "collector/target/stop_effect.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "collector/stacks/stack_dump.h"
#include "tests/live/stack_dumps.h"
#include "tests/live/stack_programs.h"

namespace ec::test {

namespace {

StackDump dumped(pid_t pid, DumpMode mode, bool restart) {
  DumpRequest request;
  request.pid = request.live_tid = pid;
  request.mode = mode;
  request.max_pause = milliseconds(1000);
  request.restart_interrupted = restart;
  auto dump = dump_stacks(request);
  REQUIRE(dump);
  return std::move(*dump);
}

}  // namespace

TEST_CASE("with --restart-eintr no waiting call ends with EINTR, though all threads are stopped") {
  Conversation waits({EC_TARGETS_DIR "/waits"});
  REQUIRE(waits.started());
  REQUIRE(eventually([&] { return states(waits.pid()).count('S') == 7; }));
  for (int i = 0; i < 5; ++i) {
    StackDump dump = dumped(waits.pid(), DumpMode::kConsistent, true);
    CHECK(dump.mode == DumpMode::kConsistent);
    CHECK(dump.threads_stopped == 8);
    CHECK(dump.calls_interrupted == 0);
    REQUIRE(eventually([&] { return states(waits.pid()).count('S') == 7; }));
  }
  CHECK(waits.number("eintr") == 0);
}

TEST_CASE("frames that only frame pointers link are found without a stop") {
  BackgroundProgram target({EC_TARGETS_DIR "/frame_pointers", "3"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  REQUIRE(eventually([&] { return states(target.pid()).count('S') == 4; }));
  StackDump dump = dumped(target.pid(), DumpMode::kNoStop, false);
  REQUIRE(dump.threads.size() == 4);
  for (const DumpedThread& thread : dump.threads) {
    REQUIRE(thread.stack);
    const PcStack& stack = dump.stacks[*thread.stack];
    CHECK(stack.end == StackEnd::kRoot);
    CHECK(stack.frames.size() >= 9);  // pause, six times wait_deep, and what started the thread
  }
}

TEST_CASE("a read survives a stop where the kernel resumes it, and nowhere else") {
  int ends[2], pair[2];
  REQUIRE(pipe(ends) == 0);
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  auto read_of = [](int fd) {
    TaskSyscall call;
    call.number = SYS_read;
    call.arguments[0] = static_cast<uint64_t>(fd);
    return call;
  };
  CHECK(survives_stop(read_of(ends[0]), getpid()));
  CHECK_FALSE(survives_stop(read_of(pair[0]), getpid()));  // it may have a timeout
  CHECK_FALSE(survives_stop(read_of(987), getpid()));
  for (int fd : {ends[0], ends[1], pair[0], pair[1]}) close(fd);
}

}  // namespace ec::test
