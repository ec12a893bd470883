#include "collector/collectors/goroutines.h"

#include <catch2/catch.hpp>

using namespace ec;

namespace {

RuntimeGoroutines example() {
  RuntimeGoroutines all;
  all.version = "1.19.8", all.layout = "table for Go 1.19", all.listed = 4, all.ended = 1;
  all.frames = {{0x401010, "main.wait[go.shape.struct { X int }]", "/src/main.go", 20, false},
                {0x402000, "main.main", "", 0, true}};
  all.stacks = {{{0, 1}, true}};
  Goroutine waits, runs;
  waits.id = 7, waits.state = "chan receive", waits.waiting_seconds = 90.5, waits.creator = 1, waits.stack = 0;
  waits.channel = GoChannelWait{0xc000012345, 8, 2};
  runs.id = 9, runs.state = "running", runs.tid = 42, runs.note = "it was running";
  all.goroutines = {waits, runs};
  return all;
}

}  // namespace

TEST_CASE("goroutines survive the way through the archive") {
  std::string text = goroutines_text(example());
  auto again = parse_goroutines_text("raw/goroutines.txt", text);
  REQUIRE(again);
  CHECK(goroutines_text(*again) == text);
  CHECK(again->frames[0].function == "main.wait[go.shape.struct { X int }]");
  CHECK(again->goroutines[0].waiting_seconds == 90.5);
  CHECK_FALSE(again->goroutines[1].stack);
  REQUIRE(again->goroutines[0].channel);
  CHECK(again->goroutines[0].channel->address == 0xc000012345);
  CHECK(again->goroutines[0].channel->element_bytes == 8);
  CHECK(again->goroutines[0].channel->others == 2);
  CHECK_FALSE(again->goroutines[1].channel);
}

TEST_CASE("a hostile name stays one field, and a hostile file is refused with its line") {
  RuntimeGoroutines all = example();
  all.frames[0].function = "main.x\ng\t1\tIO wait\t\x1b[2J";
  auto again = parse_goroutines_text("raw/goroutines.txt", goroutines_text(all));
  REQUIRE(again);
  CHECK(again->goroutines.size() == 2);
  for (const char* text : {"", "nonsense\n", "stack\twhole\t0\n", "g\t1\trunning\t-1\t-1\t0\t0\tuser\t\n",
                           "frame\tzz\tf\tf\t1\t0\n", "list\t1\n", "go\n", "channel\t7\tc000\t8\t0\n"}) {
    auto refused = parse_goroutines_text("raw/goroutines.txt", text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().where == "raw/goroutines.txt:1");
  }
}

TEST_CASE("a running goroutine shows the stack of its thread") {
  RuntimeGoroutines all = example();
  Stacks stacks;
  Frame frame;
  frame.symbol = "main.spin";
  Frame end;
  end.symbol = "runtime.goexit.abi0";
  stacks.frames = {frame, end};
  stacks.stacks = {{{0, 1}, "root"}};
  stacks.threads = {{42, "ptrace", 0, 0, false, ""}};
  add_running_stacks(stacks, all);
  REQUIRE(all.goroutines[1].stack);
  const GoStack& stack = all.stacks[*all.goroutines[1].stack];
  REQUIRE(stack.frames.size() == 1);
  CHECK(all.frames[stack.frames[0]].function == "main.spin");
  CHECK(stack.whole);
  CHECK(all.goroutines[1].note.find("thread 42") != std::string::npos);
}
