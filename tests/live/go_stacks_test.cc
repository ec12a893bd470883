// Stacks of the threads of Go programs, which move between the stacks of goroutines and their own.
#include "tests/live/go_programs.h"
#include "tests/live/stack_dumps.h"

namespace ec::test {

namespace {

// Whether the names contain these parts, in this order, one frame each.
bool in_order(const std::vector<std::string>& names, const std::vector<std::string>& parts) {
  size_t found = 0;
  for (const std::string& name : names)
    if (found < parts.size() && name.find(parts[found]) != std::string::npos) ++found;
  return found == parts.size();
}

}  // namespace

TEST_CASE("threads of Go are read to their end, through C and back, without a stop and without a guess") {
  // One that keeps what an external linker needs, a stripped one, a position-independent one.
  auto flags = GENERATE(std::vector<std::string>{}, std::vector<std::string>{"-ldflags=-s -w"},
                        std::vector<std::string>{"-buildmode=pie", "-ldflags=-s -w"});
  CAPTURE(flags);
  BackgroundProgram program({build_go("cgo_calls", flags)});
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  REQUIRE(settled(program.pid()));
  Snapshot snapshot = dump(program.pid(), StackMode::kAuto);
  const Stacks& stacks = *snapshot.stacks;
  int in_c = 0, called_back = 0, reading = 0;
  for (const ThreadStack& thread : stacks.threads) {
    REQUIRE(thread.stack);
    const Stack& stack = stacks.stacks[*thread.stack];
    std::vector<std::string> names = symbols(stacks, thread);
    CAPTURE(names);
    CHECK(stack.end == "root");
    std::set<std::string> last{"runtime.goexit", "runtime.mstart", "runtime.mcall", "runtime.rt0_go"};
    CHECK(last.count(names.back()) == 1);
    for (uint32_t index : stack.frames) {
      const Frame& frame = stacks.frames[index];
      bool exact = frame.found_by == "go" || frame.found_by == "cfi" || frame.found_by == "registers";
      CHECK(exact);
    }
    const std::string c = flags.empty() ? "c_wait" : "runtime.asmcgocall";  // names of C functions can be stripped
    in_c += in_order(names, {c, "runtime.cgocall", "main._Cfunc_c_wait", "main.callsC", "main.callsC", "main.callsC",
                             "main.callsC", "main.main.func", "runtime.goexit"});
    called_back += in_order(names, {"Syscall6", "main.calledFromC", "runtime.cgocallbackg", "runtime.cgocallback",
                                    "runtime.cgocall", "main._Cfunc_c_calls_go", "main.callsBack", "runtime.goexit"});
    reading += in_order(names, {"Syscall6", "main.read", "main.reads", "runtime.goexit"});
  }
  CHECK(in_c == 1);
  CHECK(called_back == 1);
  CHECK(reading == 1);
  CHECK(stacks.pause.threads_stopped == 0);
}

TEST_CASE("a thread of Go that works on its own stack goes on in the goroutine that it works for") {
  auto flags = GENERATE(std::vector<std::string>{}, std::vector<std::string>{"-buildmode=pie", "-ldflags=-s -w"});
  StackMode mode = GENERATE(StackMode::kAuto, StackMode::kConsistent);
  CAPTURE(flags, static_cast<int>(mode));
  BackgroundProgram program({build_go("on_g0", flags)});
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  Snapshot snapshot = dump(program.pid(), mode);
  const Stacks& stacks = *snapshot.stacks;
  int computing = 0, waiting = 0;
  for (const ThreadStack& thread : stacks.threads) {
    REQUIRE(thread.stack);
    std::vector<std::string> names = symbols(stacks, thread);
    CAPTURE(names);
    CHECK(stacks.stacks[*thread.stack].end == "root");
    for (uint32_t index : stacks.stacks[*thread.stack].frames) {
      std::string how = stacks.frames[index].found_by;
      CHECK((how == "go" || how == "registers"));
    }
    computing += in_order(names, {"main.computes.func1", "runtime.systemstack", "main.computes", "main.computes",
                                  "main.computes", "main.computes", "runtime.goexit"});
    waiting += in_order(names, {"Syscall", "main.waits.func1", "runtime.systemstack", "main.waits", "main.waits",
                                "main.waits", "main.waits", "runtime.goexit"});
  }
  CHECK(computing == 1);
  CHECK(waiting == 1);
  CHECK(runs_freely(program.pid()));
}

TEST_CASE("the work of Go's garbage collector leads to its goroutine") {
  BackgroundProgram program({build_go("on_g0", {}), "gc"});
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  bool seen = eventually([&] {
    Snapshot snapshot = dump(program.pid(), StackMode::kAuto);
    for (const ThreadStack& thread : snapshot.stacks->threads)
      if (in_order(symbols(*snapshot.stacks, thread),
                   {"runtime.gcDrain", "runtime.systemstack", "runtime.gcBgMarkWorker", "runtime.goexit"}))
        return true;
    return false;
  });
  CHECK(seen);
}

}  // namespace ec::test
