// Code that programs made at run time: whole stacks through it, and its names where the program tells them.
#include <sys/stat.h>
#include <unistd.h>

#include "tests/live/stack_dumps.h"
#include "tests/support/place.h"

namespace ec::test {

namespace {

std::vector<Frame> frames_of(pid_t pid) {
  REQUIRE(settled(pid));
  Snapshot snapshot = dump(pid, StackMode::kAuto);
  const ThreadStack& thread = stack_of(*snapshot.stacks, pid);
  REQUIRE(thread.stack);
  CHECK(snapshot.stacks->stacks[*thread.stack].end == "root");
  std::vector<Frame> frames;
  for (uint32_t index : snapshot.stacks->stacks[*thread.stack].frames)
    if (!snapshot.stacks->frames[index].inlined) frames.push_back(snapshot.stacks->frames[index]);
  return frames;
}

// The frames between wait_here and main.
std::vector<Frame> made_frames(pid_t pid) {
  std::vector<Frame> frames = frames_of(pid), made;
  for (const Frame& frame : frames)
    if (frame.module.empty()) made.push_back(frame);
  CHECK(frames.back().symbol == "_start");
  REQUIRE(made.size() == 2);
  return made;
}

struct PerfMap {
  explicit PerfMap(pid_t pid) : path(fmt::format("/tmp/perf-{}.map", pid)) {}
  ~PerfMap() { unlink(path.c_str()); }
  std::string path;
};

}  // namespace

TEST_CASE("code made at run time has the names that its compiler told debuggers") {
  BackgroundProgram program({EC_TARGETS_DIR "/jit_code", "gdb"});
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  auto frames = made_frames(program.pid());
  CHECK(frames[0].symbol == "jit_inner");
  CHECK(frames[0].symbol_offset == 6);
  CHECK(frames[0].unknown_reason.empty());
  CHECK(frames[1].symbol == "jit_outer");
  CHECK(frames[1].symbol_offset == 12);
}

TEST_CASE("a list for debuggers that leads in a circle names nothing and ends") {
  BackgroundProgram program({EC_TARGETS_DIR "/jit_code", "loop"});
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  for (const Frame& frame : made_frames(program.pid())) {
    CHECK(frame.symbol.empty());
    CHECK(frame.unknown_reason.find("code made at run time") != std::string::npos);
    CHECK(frame.unknown_reason.find("perf-" + std::to_string(program.pid()) + ".map") != std::string::npos);
  }
}

TEST_CASE("code made at run time has the last names of the perf map") {
  BackgroundProgram program({EC_TARGETS_DIR "/jit_code", "perf"});
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  PerfMap map(program.pid());
  auto frames = made_frames(program.pid());
  CHECK(frames[0].symbol == "jit inner(int) const");
  CHECK(frames[0].symbol_offset == 6);
  CHECK(frames[1].symbol == "LazyCompile:*outer /app/x.js:1");
}

TEST_CASE("a perf map of somebody else, and what only leads to a file, are not believed") {
  BackgroundProgram program({EC_TARGETS_DIR "/jit_code", "perf"});
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  PerfMap map(program.pid());
  std::string moved = map.path + ".moved";
  REQUIRE(rename(map.path.c_str(), moved.c_str()) == 0);
  REQUIRE(symlink(moved.c_str(), map.path.c_str()) == 0);
  CHECK(made_frames(program.pid())[0].symbol.empty());
  unlink(map.path.c_str());
  REQUIRE(mkfifo(map.path.c_str(), 0600) == 0);
  CHECK(made_frames(program.pid())[0].symbol.empty());
  unlink(map.path.c_str());
  REQUIRE(rename(moved.c_str(), map.path.c_str()) == 0);
  CHECK(made_frames(program.pid())[0].symbol == "jit inner(int) const");
  if (!is_root() || !may_become_nobody()) return;
  REQUIRE(chown(map.path.c_str(), 65534, 65534) == 0);
  auto frames = made_frames(program.pid());
  CHECK(frames[0].symbol.empty());
  CHECK(frames[0].unknown_reason.find("belongs to another user") != std::string::npos);
}

TEST_CASE("node is read through its JavaScript, whose functions have names with a perf map") {
  bool with_map = GENERATE(false, true);
  TempDir folder;
  write_text(folder / "wait.js",
             "function innerCall(n) {\n  if (n > 0) return innerCall(n - 1) + 1;\n  console.log('ready');\n"
             "  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);\n  return 0;\n}\ninnerCall(3);\n");
  std::vector<std::string> argv{"node"};
  if (with_map) argv.insert(argv.end(), {"--perf-basic-prof", "--interpreted-frames-native-stack"});
  argv.push_back(folder / "wait.js");
  if (run_program({"node", "--version"}).exit_code != 0) return not_run_here("needs node");
  ProgramSettings settings;
  settings.directory = folder.path();  // it leaves a log there
  BackgroundProgram program(argv, settings);
  PerfMap map(program.pid());
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  REQUIRE(eventually([&] { return read_text(fmt::format("/proc/{}/wchan", program.pid())).find("futex") == 0; }));
  auto frames = frames_of(program.pid());
  CHECK(frames.back().symbol == "_start");
  CHECK(frames.size() > 20);
  auto calls = std::count_if(frames.begin(), frames.end(), [](const Frame& frame) {
    return frame.symbol.find("innerCall") != std::string::npos && frame.symbol.find("wait.js:1") != std::string::npos;
  });
  CHECK(calls == (with_map ? 4 : 0));
}

TEST_CASE("without a perf map the functions of node have the names of the jitdump file that it has mapped") {
  if (run_program({"node", "--version"}).exit_code != 0) return not_run_here("needs node");
  TempDir folder;
  // Node writes its file 2 MiB at a time: with what comes behind innerCall, innerCall is written.
  write_text(
      folder / "wait.js",
      "function innerCall(n) {\n  if (n > 0) return innerCall(n - 1) + 1;\n  if (n < 0) return 0;\n"
      "  console.log('ready');\n  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);\n  return 0;\n}\n"
      "innerCall(-1);\nfor (let i = 0; i < 4000; ++i) new Function('return ' + i)();\ninnerCall(3);\n");
  ProgramSettings settings;
  settings.directory = folder.path();
  BackgroundProgram program({"node", "--perf-prof", "--interpreted-frames-native-stack", folder / "wait.js"}, settings);
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  REQUIRE(eventually([&] { return read_text(fmt::format("/proc/{}/wchan", program.pid())).find("futex") == 0; }));
  std::string file = folder / fmt::format("jit-{}.dump", program.pid()), moved = file + ".moved";
  auto calls = [&] {
    std::vector<Frame> frames = frames_of(program.pid());
    return std::count_if(frames.begin(), frames.end(), [](const Frame& frame) {
      return frame.symbol.find("innerCall") != std::string::npos && frame.symbol.find("wait.js:1") != std::string::npos;
    });
  };
  CHECK(calls() == 4);
  // Another file in its place, even one with the same contents, is not the one that node has mapped.
  REQUIRE(rename(file.c_str(), moved.c_str()) == 0);
  write_text(file, read_text(moved));
  CHECK(calls() == 0);
  REQUIRE(rename(moved.c_str(), file.c_str()) == 0);
  CHECK(calls() == 4);
  if (!is_root() || !may_become_nobody()) return;
  REQUIRE(chown(file.c_str(), 65534, 65534) == 0);
  CHECK(calls() == 0);
}

}  // namespace ec::test
