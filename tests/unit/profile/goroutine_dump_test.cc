#include "collector/profile/goroutine_dump.h"

#include <catch2/catch.hpp>

#include "tests/support/profile_text.h"

using namespace ec;
using namespace ec::test;

namespace {

GoroutineDump dump_of(const std::string& name) {
  auto dump = parse_goroutine_dump(name, fixture("go-dumps/" + name));
  REQUIRE(dump);
  return std::move(*dump);
}

const DumpedGoroutines* at(const GoroutineDump& dump, const std::string& function) {
  for (const DumpedGoroutines& group : dump.groups)
    for (const TextFrame& frame : group.frames)
      if (frame.function == function) return &group;
  return nullptr;
}

// "FIRST LINE-LAST LINE: reason | at", one line for each dump.
std::vector<std::string> found(std::string_view text) {
  std::vector<std::string> lines;
  for (const GoroutineDump& dump : find_goroutine_dumps(text))
    lines.push_back(fmt::format("{}-{}: {} | {}", dump.first_line, dump.last_line, dump.reason,
                                dump.at ? frame_words(*dump.at) : ""));
  return lines;
}

}  // namespace

TEST_CASE("goroutine?debug=2 has no reason, and groups by state, stack and creator") {
  GoroutineDump dump = dump_of("dump.txt");
  CHECK(dump.reason.empty());
  CHECK(dump.goroutines == 15);
  REQUIRE(!dump.groups.empty());
  CHECK(dump.groups[0].count == 5);
  CHECK(dump.groups[0].state == "chan receive");
  CHECK(dump.groups[0].frames == std::vector<TextFrame>{{"main.waitForReply", "last_words/main.go", 31}});
  CHECK(dump.groups[0].creator == TextFrame{"main.startPool", "last_words/main.go", 64});
  CHECK(dump.groups[0].ids.size() == 5);
  const auto* locked = at(dump, "main.(*store).waitForLock");
  REQUIRE(locked);
  CHECK(locked->count == 3);
  CHECK(locked->state == "semacquire");
  CHECK(locked->frames[2] == TextFrame{"sync.(*Mutex).Lock", "sync/mutex.go", 90});
  const auto* deep = at(dump, "main.recurse");
  REQUIRE(deep);
  CHECK(deep->frames.size() == 98);
  CHECK(deep->creator.function == "main.populate");
  CHECK(goroutines_of(dump).groups[0].functions == std::vector<std::string>{"main.waitForReply"});
}

TEST_CASE("what a dying program says first is the reason, and the first stack is the one that failed") {
  GoroutineDump panic = dump_of("panic.txt");
  CHECK(panic.reason == "panic: runtime error: invalid memory address or nil pointer dereference");
  CHECK(panic.signal.starts_with("signal SIGSEGV: segmentation violation code=0x1"));
  CHECK(panic.failed == 1);
  CHECK_FALSE(panic.survived);
  REQUIRE(panic.at);
  CHECK(*panic.at == TextFrame{"main.main", "last_words/main.go", 163});

  GoroutineDump nested = dump_of("nested.txt");
  CHECK(nested.reason ==
        "panic: runtime error: invalid memory address or nil pointer dereference [recovered]; then panic: cleaning up "
        "after runtime error: invalid memory address or nil pointer dereference: no space left on device");
  REQUIRE(nested.at);
  CHECK(nested.at->function == "main.wrapped.func1");

  GoroutineDump fatal = dump_of("fatal.txt");
  CHECK(fatal.reason == "fatal error: concurrent map writes");
  REQUIRE(fatal.at);
  CHECK(fatal.at->function == "main.main.func1");
  CHECK(fatal.goroutines == 19);
  CHECK(at(fatal, "main.waitForEither")->state == "select");

  GoroutineDump deadlock = dump_of("deadlock.txt");
  CHECK(deadlock.reason == "fatal error: all goroutines are asleep - deadlock!");
  REQUIRE(deadlock.at);
  CHECK(deadlock.at->function == "main.waitForReply");
}

TEST_CASE("SIGQUIT: frames have registers, and the registers at the end are no frames") {
  GoroutineDump dump = dump_of("quit.txt");
  CHECK(dump.reason == "SIGQUIT: quit");
  const auto* pool = at(dump, "main.waitForReply");
  REQUIRE(pool);
  CHECK(pool->count == 5);
  CHECK(pool->frames[0] == TextFrame{"runtime.gopark", "runtime/proc.go", 363});
  const auto* deep = at(dump, "main.recurse");
  REQUIRE(deep);
  CHECK(deep->elided);
  CHECK(deep->creator.function == "main.populate");
  for (const DumpedGoroutines& group : dump.groups)
    for (const TextFrame& frame : group.frames) CHECK(frame.function.find("rax") == std::string::npos);
}

TEST_CASE("panics that a server survives stand between the lines of its log") {
  std::string log = fixture("go-dumps/served.txt");
  auto dumps = find_goroutine_dumps(log);
  REQUIRE(dumps.size() == 3);
  CHECK(dumps[0].survived);
  CHECK(dumps[0].reason.starts_with("http: panic serving 127.0.0.1:"));
  CHECK(dumps[0].goroutines == 1);
  REQUIRE(dumps[0].at);
  CHECK(*dumps[0].at == TextFrame{"main.priceOf", "api/main.go", 15});
  CHECK(dumps[0].groups[0].creator.function == "net/http.(*Server).Serve");
  CHECK(dumps[2].survived);
  CHECK(dumps[2].reason == "panic: runtime error: invalid memory address or nil pointer dereference");
  REQUIRE(dumps[2].at);
  CHECK(dumps[2].at->function == "main.priceOf");
}

// The words of Go 1.21 to 1.24 (runtime/traceback.go, runtime/proc.go).
TEST_CASE("titles of newer versions of Go") {
  auto dump =
      parse_goroutine_dump("d",
                           "goroutine 1 gp=0xc0000061c0 m=0 mp=0x5ac0e0 [select, 12 minutes, locked to thread]:\n"
                           "main.f[...](0x1)\n\t/src/a b.go:7 +0x1\n"
                           "...23 frames elided...\n"
                           "main.g(...)\n\t/src/c.go:9\n"
                           "created by main.h in goroutine 42\n\t/src/d.go:1 +0x2\n"
                           "\n"
                           "goroutine 7 [running]:\n"
                           "\tgoroutine running on other thread; stack unavailable\n"
                           "created by main.h in goroutine 43\n\t/src/d.go:1 +0x2\n");
  REQUIRE(dump);
  REQUIRE(dump->groups.size() == 2);
  CHECK(dump->groups[0].state == "select");
  CHECK(dump->groups[0].longest_minutes == 12);
  CHECK(dump->groups[0].locked_to_thread == 1);
  CHECK(dump->groups[0].elided);
  CHECK(dump->groups[0].frames ==
        std::vector<TextFrame>{{"main.f[...]", "/src/a b.go", 7}, {"main.g", "/src/c.go", 9}});
  CHECK(dump->groups[0].creator == TextFrame{"main.h", "/src/d.go", 1});
  CHECK(dump->groups[1].no_stack);
}

TEST_CASE("a dump behind the prefixes of a log, without empty lines, between other lines") {
  const std::string journal =
      "2026-11-21T07:25:39.123Z api[42]: listening\n"
      "2026-11-21T07:25:40.001Z api[42]: panic: boom\n"
      "2026-11-21T07:25:40.001Z api[42]: goroutine 1 [running]:\n"
      "2026-11-21T07:25:40.002Z api[42]: main.work(0x1)\n"
      "2026-11-21T07:25:40.002Z api[42]: /src/main.go:20 +0x1b\n"
      "2026-11-21T07:25:40.003Z api[42]: goroutine 5 [chan receive]:\n"
      "2026-11-21T07:25:40.003Z api[42]: main.wait()\n"
      "2026-11-21T07:25:40.003Z api[42]: \t/src/main.go:30 +0x1b\n"
      "2026-11-21T07:25:40.100Z systemd[1]: api.service: Main process exited (code=exited)\n";
  CHECK(found(journal) == std::vector<std::string>{"2-8: panic: boom | main.work (src/main.go:20)"});
  auto dumps = find_goroutine_dumps(journal);
  CHECK(dumps[0].goroutines == 2);
  CHECK(dumps[0].groups[0].frames.size() == 1);
  // Container logs cut trailing zeros of the time.
  CHECK(found("2026-11-21T07:25:40.123456789Z stderr F goroutine 1 [running]:\n"
              "2026-11-21T07:25:40.12345678Z stderr F main.work(0x1)\n"
              "2026-11-21T07:25:40.1234567Z stderr F \t/src/main.go:20 +0x1b\n"
              "2026-11-21T07:25:40.123456789Z stdout F next\n") == std::vector<std::string>{"1-3:  | "});
}

TEST_CASE("two deaths of one log are two dumps, and what is none is none") {
  const std::string one = "panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/m.go:1 +0x1\nexit status 2\n";
  CHECK(found(one + one) ==
        std::vector<std::string>{"1-5: panic: x | main.main (m.go:1)", "7-11: panic: x | main.main (m.go:1)"});
  CHECK(find_goroutine_dumps(one + one, 1).size() == 1);
  CHECK(found("panic: the disk is full\nno stack\n").empty());
  CHECK(found("goroutine 5 is late\n").empty());
  CHECK(parse_goroutine_dump("d", "nothing").error().message() == "d: expected 'goroutine N [STATE]:' and its stack");
}

// Found by tests/fuzz/program_text_fuzz.cc.
TEST_CASE("dumps do not overlap, and one may end with its title") {
  CHECK(found("goroutine 1 [running]:") == std::vector<std::string>{"1-1:  | "});
  CHECK(found("api: goroutine 1 [running]:\napi: main.f()\npanic: y\napi: goroutine 1 [running]:\napi: main.g()\n") ==
        std::vector<std::string>{"1-2:  | ", "3-5: panic: y | main.g"});
  CHECK(found("api: goroutine 1 [running]:\npanic: y\n" + std::string(20, '\n') + "goroutine 3 [running]:\n") ==
        std::vector<std::string>{"1-1:  | ", "2-23: panic: y | "});
}
