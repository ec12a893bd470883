// Code made at run time without frame pointers: its compiler's call frame information is in no file, only in the
// objects that it registered with debuggers.
#include <sys/resource.h>

#include "tests/live/stack_dumps.h"
#include "tests/support/place.h"

namespace ec::test {

namespace {

struct Waiting {
  explicit Waiting(const std::string& way) : program({EC_TARGETS_DIR "/jit_code", way}) {
    REQUIRE_FALSE(program.wait_for_line("ready").empty());
    REQUIRE(settled(program.pid()));
  }
  BackgroundProgram program;
};

struct Unwound {
  std::string end;
  std::vector<Frame> frames;
};

Unwound unwound(const Snapshot& snapshot, pid_t pid) {
  const ThreadStack& thread = stack_of(*snapshot.stacks, pid);
  REQUIRE(thread.stack);
  Unwound result{snapshot.stacks->stacks[*thread.stack].end, {}};
  for (uint32_t index : snapshot.stacks->stacks[*thread.stack].frames)
    if (!snapshot.stacks->frames[index].inlined) result.frames.push_back(snapshot.stacks->frames[index]);
  return result;
}

// main called jit_outer, which called jit_inner, which called wait_here; and each of them was left by call frame
// information.
void is_whole(const Unwound& stack) {
  CHECK(stack.end == "root");
  REQUIRE(stack.frames.size() >= 6);
  std::vector<std::string> names;
  for (const Frame& frame : stack.frames) names.push_back(frame.symbol);
  CAPTURE(names);
  CHECK(names[1].find("wait_here") != std::string::npos);
  CHECK(names[2] == "jit_inner");
  CHECK(names[3] == "jit_outer");
  CHECK(names[4] == "main");
  CHECK(names.back() == "_start");
  for (size_t i = 1; i < stack.frames.size(); ++i) CHECK(stack.frames[i].found_by == "cfi");
}

std::vector<uint64_t> addresses_of_gdb(pid_t pid) {
  ProgramResult run = run_program(
      {"gdb", "-batch", "-nx", "-p", std::to_string(pid), "-x", EC_SOURCE_DIR "/tests/compare/gdb_frames.py"});
  std::vector<uint64_t> result;
  LineCursor lines("gdb", run.out);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    if (fields.word().value_or("") != "TID") continue;
    fields.word();
    while (auto word = fields.word()) result.push_back(parse_number<uint64_t>(*word, 16).value_or(0));
  }
  return result;
}

}  // namespace

TEST_CASE("code without frame pointers is unwound by what its compiler told debuggers") {
  std::string way = GENERATE("bare", "relocations", "executable", "debug_frame");
  CAPTURE(way);
  Waiting target(way);
  pid_t pid = target.program.pid();
  Unwound stack = unwound(dump(pid, StackMode::kAuto), pid);
  is_whole(stack);
  CHECK(runs_freely(pid));
  if (run_program({"sh", "-c", "command -v gdb"}).exit_code != 0) return not_run_here("needs gdb");
  std::vector<uint64_t> theirs = addresses_of_gdb(pid), ours;
  if (theirs.empty()) return not_run_here("needs a gdb that may trace");
  for (const Frame& frame : stack.frames) ours.push_back(frame.pc);
  CHECK(ours == theirs);
}

TEST_CASE("a list that leads in a circle, to where nothing is, or to endless objects still gives what is true in it") {
  Waiting target(GENERATE("circle", "lost"));
  is_whole(unwound(dump(target.program.pid(), StackMode::kAuto), target.program.pid()));
}

TEST_CASE("call frame information that lies costs frames behind it, and nothing else") {
  Waiting target(GENERATE("untrue", "far"));
  pid_t pid = target.program.pid();
  Snapshot snapshot = dump(pid, StackMode::kAuto);
  Unwound stack = unwound(snapshot, pid);
  REQUIRE(stack.frames.size() >= 4);
  CHECK(stack.frames.size() < 64);
  CHECK(stack.frames[2].symbol == "jit_inner");
  CHECK(stack.frames[3].symbol == "jit_outer");
  CHECK(stack.frames[3].found_by == "cfi");
  CHECK(runs_freely(pid));
}

TEST_CASE("without what a compiler tells, such code is searched through, and says so") {
  Waiting target("nothing");
  Unwound stack = unwound(dump(target.program.pid(), StackMode::kAuto), target.program.pid());
  REQUIRE(stack.frames.size() >= 3);
  CHECK(stack.frames[2].symbol.empty());
  for (size_t i = 3; i < stack.frames.size(); ++i) {
    CHECK(stack.frames[i].symbol != "jit_outer");
    if (i == 3) CHECK(stack.frames[i].found_by != "cfi");
  }
}

}  // namespace ec::test
