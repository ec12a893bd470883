// Engine against engine: libunwind and libdw on the same copy of the same stacks. The programs are held still by
// SIGSTOP, so whatever differs is a mistake of one of them.
#include <signal.h>

#include <filesystem>
#include <memory>
#include <span>

#include "collector/stacks/libdw_engine.h"
#include "collector/stacks/unwind_further.h"
#include "collector/target/freeze.h"
#include "collector/target/target_memory.h"
#include "tests/live/go_programs.h"
#include "tests/live/stack_dumps.h"
#include "tests/live/stack_programs.h"
#include "tests/support/place.h"

namespace ec::test {

namespace {

// All threads of a process at one moment, with as much of their stacks as unwinding asks for.
class Still {
 public:
  explicit Still(pid_t pid) : pid_(pid), memory_(pid) {
    kill(pid, SIGSTOP);
    REQUIRE(eventually([&] {
      std::multiset<char> now = states(pid);
      return now.count('T') == now.size();
    }));
    auto space = read_address_space(pid, pid);
    auto tasks = TaskDir::open(pid);
    REQUIRE(space);
    REQUIRE(tasks);
    auto tids = tasks->list();
    REQUIRE(tids);
    FreezeRequest request;
    request.pid = request.live_tid = pid;
    request.tids = *tids;
    request.together = true;
    request.budget = std::chrono::seconds(10);
    request.deadline = Deadline::in(std::chrono::seconds(20));
    auto frozen = freeze_and_copy(request, *space);
    REQUIRE(frozen);
    frozen_ = std::make_unique<FreezeResult>(std::move(*frozen));
    modules = std::make_unique<Modules>(pid, *space, nullptr);
  }
  ~Still() { kill(pid_, SIGCONT); }

  struct Thread {
    pid_t tid = 0;
    Registers registers;
    std::vector<StackBytes> copies;
    PcStack stack;
  };
  std::vector<Thread> threads() {
    Unwinder unwinder(*modules);
    std::vector<Thread> list;
    for (const FrozenThread& frozen : frozen_->threads) {
      REQUIRE(frozen.outcome == FreezeOutcome::kCopied);
      Thread thread{frozen.tid, frozen.registers, {frozen_->stack(frozen)}, {}};
      constexpr size_t kRoom = size_t{8} << 20;  // only what is used takes memory
      std::span<char> buffer(buffers_.emplace_back(std::make_unique_for_overwrite<char[]>(kRoom)).get(), kRoom);
      auto first = thread.copies;
      thread.stack = unwind_further(unwinder, modules->space(), frozen.registers, first, buffer,
                                    [&](uint64_t address, char* to, size_t size) {
                                      size_t got = memory_.read(address, to, size);
                                      // A word at the seam of two copies is in the second one.
                                      if (got > 0) thread.copies.push_back({address, to, got});
                                      return got;
                                    });
      list.push_back(std::move(thread));
    }
    return list;
  }

  std::unique_ptr<Modules> modules;

 private:
  pid_t pid_;
  TargetMemory memory_;
  std::unique_ptr<FreezeResult> frozen_;
  std::vector<std::unique_ptr<char[]>> buffers_;
};

// Where frames may differ, and why: only behind a frame without call frame information, where libdw goes on by the
// frame pointer, unchecked, and behind one of Go. Wherever there is information, there is no exception, and step by
// step there is none at all.
constexpr const char* kNone = "";
constexpr const char* kJustBorn =
    "a thread that was just born stands in clone3(2), whose information ends at the call: libdw takes a word for a "
    "return address";
constexpr const char* kMusl = "musl has no information at all: libdw takes what rbp holds for a frame";
constexpr const char* kJit = "compiled Java uses rbp for anything: libdw takes what it holds for a frame";
constexpr const char* kGo =
    "Go goes on on another stack behind asmcgocall and cgocallback, of which its information does not tell; and where "
    "a "
    "stack of Go begins, libdw goes on to the C that made the thread";

struct Comparison {
  int threads = 0, frames = 0, steps = 0;
  int only_first = 0, only_second = 0;  // steps that one engine makes and the other does not
  int excepted = 0;                     // threads with a difference that was expected
};

std::string in_hex(const std::vector<uint64_t>& addresses) {
  std::string text;
  for (uint64_t address : addresses) text += fmt::format("{:x} ", address);
  return text;
}

std::vector<uint64_t> pcs(const PcStack& stack) {
  std::vector<uint64_t> list;
  for (const PcFrame& frame : stack.frames) list.push_back(frame.pc);
  return list;
}

// Step by step from the same registers: the same outcome, and the same registers of the caller.
void compare_steps(Still& still, const Still::Thread& thread, bool all_registers, Comparison& total) {
  CfiStepper first(*still.modules);
  LibdwEngine second(*still.modules);
  Registers now;
  for (Register reg : {Register::kRip, Register::kRsp}) now.set(reg, *thread.registers.get(reg));
  if (all_registers) now = thread.registers;
  bool return_address = false;
  for (size_t i = 0; i < kMostFrames; ++i) {
    first.start(now, thread.copies, return_address);
    CfiStepper::Step a = first.step(), b = second.step(now, thread.copies, return_address);
    CAPTURE(thread.tid, i, now.pc(), all_registers);
    CHECK(static_cast<int>(a.outcome) == static_cast<int>(b.outcome));
    bool stepped = a.outcome == CfiStepper::Outcome::kStepped;
    if (stepped != (b.outcome == CfiStepper::Outcome::kStepped)) ++(stepped ? total.only_first : total.only_second);
    if (!stepped || b.outcome != CfiStepper::Outcome::kStepped) return;
    ++total.steps;
    CHECK(a.interrupted == b.interrupted);
    for (Register reg : {Register::kRip, Register::kRsp, Register::kRbp, Register::kRbx, Register::kR12, Register::kR13,
                         Register::kR14, Register::kR15}) {
      CAPTURE(static_cast<int>(reg), now.has(reg), a.registers.has(reg), b.registers.has(reg));
      CHECK(a.registers.get(reg).value_or(0) == b.registers.get(reg).value_or(0));
    }
    now = a.registers;
    return_address = !a.interrupted;
  }
}

bool may_differ_behind(Modules& modules, const PcFrame& frame) {
  Module* module = modules.at(frame.pc);
  if (!module || !module->cfi) return true;
  return module->image->is_go() || !module->cfi->find(frame.pc - module->bias - (frame.return_address ? 1 : 0));
}

Comparison compare(pid_t pid, const std::string& exception = kNone) {
  Still still(pid);
  LibdwEngine second(*still.modules);
  Comparison total;
  for (const Still::Thread& thread : still.threads()) {
    ++total.threads;
    total.frames += static_cast<int>(thread.stack.frames.size());
    std::vector<uint64_t> ours = pcs(thread.stack), theirs = second.walk(thread.registers, thread.copies, kMostFrames);
    CAPTURE(thread.tid, in_hex(ours), in_hex(theirs));
    if (exception.empty() || ours == theirs) {
      CHECK(ours == theirs);
    } else {
      auto differ = std::mismatch(ours.begin(), ours.end(), theirs.begin(), theirs.end()).first;
      REQUIRE(differ != ours.begin());
      CHECK(may_differ_behind(*still.modules, thread.stack.frames[static_cast<size_t>(differ - ours.begin()) - 1]));
      ++total.excepted;
    }
    compare_steps(still, thread, true, total);
    compare_steps(still, thread, false, total);
  }
  CHECK(total.only_first == 0);
  CHECK(total.only_second == 0);
  REQUIRE(total.threads > 0);
  REQUIRE(total.frames >= total.threads);
  if (exception.empty()) CHECK(total.steps > total.threads);
  UNSCOPED_INFO(fmt::format("{} threads, {} frames, {} steps, {} threads excepted: {}", total.threads, total.frames,
                            total.steps, total.excepted, exception));
  return total;
}

}  // namespace

TEST_CASE("both engines give the same frames of small programs") {
  for (std::string program :
       {"idle", "static_stripped", "debug_frame", "debug_frame_v4", "debug_frame_packed", "frame_pointers"}) {
    CAPTURE(program);
    BackgroundProgram running({EC_TARGETS_DIR "/" + program, "5"});
    REQUIRE_FALSE(running.wait_for_line("ready").empty());
    REQUIRE(settled(running.pid()));
    compare(running.pid());
  }
}

TEST_CASE("both engines give the same frames of signals, deep stacks and threads that compute") {
  for (auto [state, exception] :
       {std::pair{"altstack", kNone}, std::pair{"deep", kNone}, std::pair{"compute", kJustBorn}}) {
    CAPTURE(state);
    BackgroundProgram running({EC_TARGETS_DIR "/odd", state, "3"});
    REQUIRE_FALSE(running.wait_for_line("ready").empty());
    compare(running.pid(), exception);
  }
}

TEST_CASE("both engines give the same frames of threads that wait") {
  Conversation waits({EC_TARGETS_DIR "/waits"}), locks({EC_TARGETS_DIR "/locks", "convoy"}),
      heavy({EC_TARGETS_DIR "/heavy", "100", "10", "10"});
  for (Conversation* each : {&waits, &locks, &heavy}) {
    REQUIRE(each->started());
    // One of waits computes, one of heavy looks at the clock.
    REQUIRE(eventually([&] {
      std::multiset<char> now = states(each->pid());
      return now.count('S') + 1 >= now.size();
    }));
    compare(each->pid(), kJustBorn);
  }
}

TEST_CASE("both engines give the same frames of PostgreSQL") {
  if (is_root() && !may_become_nobody()) return not_run_here("postgres needs a user other than root");
  Postgres postgres;
  REQUIRE(postgres.ready());
  for (pid_t pid : postgres.processes()) compare(pid);
}

TEST_CASE("both engines give the same frames of nginx") {
  if (is_root() && !may_become_nobody()) return not_run_here("nginx, started by root, needs a second user");
  Nginx nginx;
  REQUIRE(nginx.ready());
  for (pid_t pid : nginx.processes()) compare(pid);
}

TEST_CASE("both engines give the same frames of Redis") {
  TempDir folder;
  BackgroundProgram redis(
      {"redis-server", "--port", "0", "--save", "", "--dir", folder.path(), "--unixsocket", folder / "socket"});
  REQUIRE_FALSE(redis.wait_for_line("ready to accept").empty());
  REQUIRE(settled(redis.pid()));
  compare(redis.pid());
}

TEST_CASE("both engines give the same frames of Python, Node and Java") {
  BackgroundProgram python(
      {"/usr/bin/python3", "-u", "-c",
       "import threading,time\nfor i in range(3): threading.Thread(target=time.sleep,args=(600,)).start()\n"
       "print('ready')\ntime.sleep(600)"});
  REQUIRE_FALSE(python.wait_for_line("ready").empty());
  REQUIRE(settled(python.pid()));
  compare(python.pid());
  BackgroundProgram node({"node", "-e", "console.log('ready'); setTimeout(() => 0, 600000)"});
  REQUIRE_FALSE(node.wait_for_line("ready").empty());
  REQUIRE(settled(node.pid()));
  compare(node.pid(), kJit);
  TempDir folder;
  write_text(folder / "Wait.java",
             "class Wait { public static void main(String[] a) throws Exception { System.out.println(\"ready\"); "
             "Thread.sleep(600000); } }");
  BackgroundProgram java({"java", "-Xmx64m", folder / "Wait.java"});
  REQUIRE_FALSE(java.wait_for_line("ready").empty());
  REQUIRE(settled(java.pid()));
  compare(java.pid(), kJit);
}

TEST_CASE("both engines give the same frames of Go") {
  BackgroundProgram go({build_go("cgo_calls", {})});
  REQUIRE_FALSE(go.wait_for_line("ready").empty());
  REQUIRE(settled(go.pid()));
  compare(go.pid(), kGo);
}

TEST_CASE("libdw does not get further than we do in musl") {
  if (!std::filesystem::exists(EC_TARGETS_DIR "/locks_musl")) return not_run_here("needs musl-gcc");
  Conversation locks({EC_TARGETS_DIR "/locks_musl", "normal"});
  REQUIRE(locks.started());
  compare(locks.pid(), kMusl);
}

}  // namespace ec::test
