// Python frames of real programs, equal to those that the program's own faulthandler writes.
#include "collector/collectors/python.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <map>

#include "collector/collectors/python_merge.h"
#include "collector/collectors/stacks.h"
#include "collector/collectors/threads.h"
#include "collector/runtimes/recorded_memory.h"
#include "tests/live/files_sink.h"
#include "tests/live/python_programs.h"
#include "tests/live/stack_programs.h"
#include "tests/support/place.h"
#include "tests/support/python_frames.h"

namespace ec::test {

namespace {

Snapshot stacks_with_python(pid_t pid) {
  Snapshot snapshot =
      collected(pid, {{gather_threads, parse_threads}, {gather_stacks, parse_stacks}, {gather_python, parse_python}});
  REQUIRE(snapshot.threads);
  REQUIRE(snapshot.stacks);
  return snapshot;
}

std::vector<std::string> python_names(const Stacks& stacks, const ThreadStack& thread) {
  std::vector<std::string> names;
  REQUIRE(thread.stack);
  for (uint32_t index : stacks.stacks[*thread.stack].frames)
    if (stacks.frames[index].found_by == "python") names.push_back(stacks.frames[index].symbol);
  return names;
}

size_t evaluators(const Stacks& stacks, const Stack& stack) {
  return static_cast<size_t>(std::count_if(stack.frames.begin(), stack.frames.end(),
                                           [&](uint32_t index) { return is_python_evaluator(stacks.frames[index]); }));
}

constexpr const char* kLibraries = R"py(
import asyncio, json, sqlite3, threading
def unknown(value):
    time.sleep(1000)
def encode():
    json.dumps({"a": [object()]}, default=unknown)
def query():
    connection = sqlite3.connect(":memory:")
    connection.create_function("wait", 0, lambda: time.sleep(1000))
    connection.execute("select wait()").fetchall()
async def leaf():
    time.sleep(1000)
async def branch():
    await leaf()
def loop():
    asyncio.new_event_loop().run_until_complete(branch())
event = threading.Event()
threading.Thread(target=event.wait).start()
start(encode, query, loop, event.wait)
event.wait()
)py";

}  // namespace

TEST_CASE("Python frames equal those of faulthandler, file, line and function") {
  for (const std::string& python : pythons())
    for (const char* text : {kStandingThreads, kLibraries}) {
      INFO(python);
      PythonProgram program(python, text);
      REQUIRE(program.ready());
      auto found = find_live_python(program.pid());
      REQUIRE(found);
      auto read = read_python(*found->memory, found->site, Deadline::in(std::chrono::seconds(5)));
      REQUIRE(read);
      for (const PythonThreadRead& thread : read->threads) CHECK(thread.whole);
      auto expected = faulthandler_stacks(program.read_dump(program.pid()));
      CHECK(expected.size() >= 6);
      CHECK(read_stacks(*read) == expected);
      CHECK(runs_freely(program.pid()));
    }
}

TEST_CASE("Python frames stand in the places of the evaluator's native frames") {
  for (const std::string& python : pythons()) {
    INFO(python);
    PythonProgram program(python, kStandingThreads);
    REQUIRE(program.ready());
    Snapshot snapshot = stacks_with_python(program.pid());
    REQUIRE(snapshot.python);
    CHECK(snapshot.python->threads.size() == 6);
    const Stacks& stacks = *snapshot.stacks;
    std::vector<std::vector<std::string>> names;
    for (const ThreadStack& thread : stacks.threads) {
      REQUIRE(thread.stack);
      const Stack& stack = stacks.stacks[*thread.stack];
      CHECK(stack.python_note == "");
      CHECK(stack.python_frames.empty());
      CHECK(evaluators(stacks, stack) == 0);
      CHECK(stacks.frames[stack.frames.front()].found_by != "python");  // a system call, below them
      names.push_back(python_names(stacks, thread));
    }
    bool qualified = snapshot.python->version >= "3.11" && !snapshot.python->version.starts_with("3.8") &&
                     !snapshot.python->version.starts_with("3.9");
    std::vector<std::string> compare =
        qualified ? std::vector<std::string>{"Worker.__lt__", "Worker.run"} : std::vector<std::string>{"__lt__", "run"};
    CHECK(std::count(names.begin(), names.end(), compare) == 1);
    CHECK(std::count(names.begin(), names.end(), std::vector<std::string>{"größe"}) == 1);
    CHECK(std::count(names.begin(), names.end(), std::vector<std::string>{"more", "numbers", "generator"}) == 1);
  }
}

TEST_CASE("Python in other PID and mount namespaces, and after a fork") {
  for (const std::string& python : pythons()) {
    INFO(python);
    PythonProgram contained(python, kStandingThreads, {"unshare", "--pid", "--fork", "--mount", "--mount-proc"});
    if (!contained.ready()) return not_run_here("unshare(1) is not allowed");
    std::vector<pid_t> inside = family(contained.pid());
    REQUIRE(inside.size() == 2);
    Snapshot snapshot = stacks_with_python(inside.back());
    REQUIRE(snapshot.python);
    CHECK(snapshot.python->threads.size() == 6);
    for (const PythonThread& thread : snapshot.python->threads) CHECK(thread.tid >= inside.back());

    PythonProgram forked(python,
                         "import os\nif os.fork() == 0:\n    start()\n    time.sleep(1000)\ntime.sleep(1000)\n");
    REQUIRE(forked.ready());
    pid_t child = family(forked.pid()).back();
    Snapshot after = stacks_with_python(child);
    REQUIRE(after.python);
    REQUIRE(after.python->threads.size() == 1);
    CHECK(after.python->threads.front().tid == child);
  }
}

TEST_CASE("a Python that runs all the time is never shown wrong") {
  for (const std::string& python : pythons()) {
    INFO(python);
    PythonProgram program(python, R"(
def a(n): return b(n - 1) if n else 0
def b(n): return a(n - 1) if n else 0
def spin():
    while True: a(20)
start(spin, spin)
spin()
)");
    REQUIRE(program.ready());
    auto found = find_live_python(program.pid());
    REQUIRE(found);
    for (int i = 0; i < 300; ++i) {
      auto read = read_python(*found->memory, found->site, Deadline::in(std::chrono::seconds(5)));
      REQUIRE(read);
      CHECK(read->threads.size() == 3);
      for (const PythonThreadRead& thread : read->threads) {
        // a and b in turns above spin; what is not whole lacks inner frames only, and says so.
        CHECK(thread.whole == thread.note.empty());
        std::string last;
        for (auto frame = thread.frames.rbegin(); frame != thread.frames.rend(); ++frame) {
          std::string name = read->codes[frame->code].name;
          if (last == "spin") CHECK(name == "a");
          if (last == "a") CHECK(name == "b");
          if (last == "b") CHECK(name == "a");
          last = name;
        }
      }
      CHECK(read->gils.size() == 1);
    }
  }
}

TEST_CASE("no other program takes the reader of Python frames for its own") {
  BackgroundProgram sleeper({"sleep", "1000"});
  Snapshot snapshot = stacks_with_python(sleeper.pid());
  CHECK_FALSE(snapshot.python);
  CHECK(snapshot.python.why().code == ErrorCode::kNotFound);
}

namespace {

std::string page_of(pid_t pid) {
  TempDir folder;
  collect({"--pid", std::to_string(pid), "--profile-seconds", "0", "-o", folder / "x.tar.zst"});
  return run_program({EC_BINARY, "show", folder / "x.tar.zst", "summary.md"}).out;
}

// Each thread, with the number of times that it went to sleep, or "awake".
std::map<std::string, std::string> sleepers(pid_t pid) {
  std::map<std::string, std::string> found;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
    std::string status = read_text(task.path().string() + "/status");
    size_t at = status.find("\nvoluntary_ctxt_switches:");
    bool asleep = status.find("\nState:\tS") != std::string::npos && at != std::string::npos;
    found[task.path().filename()] = asleep ? status.substr(at + 1, status.find('\n', at + 1) - at - 1) : "awake";
  }
  return found;
}

// Whoever waits for the GIL looks up every 5 ms: on a loaded machine few of them would be found asleep. A program that
// sets a long interval has settled when so many threads are awake and the others slept on between two looks.
constexpr const char* kLongInterval = "sys.setswitchinterval(10000)\n";
bool settles(pid_t pid, ptrdiff_t awake) {
  return eventually([&] {
    auto before = sleepers(pid);
    usleep(100'000);
    return before == sleepers(pid) &&
           std::count_if(before.begin(), before.end(), [](auto& each) { return each.second == "awake"; }) == awake;
  });
}

}  // namespace

TEST_CASE("gil-contention: computing threads are found, with the holder's function") {
  PythonProgram program("/usr/bin/python3", fmt::format(R"(
def crunch():
    i = 0
    while True: i += 1
start(*[crunch] * 11)
{}crunch()
)",
                                                        kLongInterval));
  REQUIRE(program.ready());
  REQUIRE(settles(program.pid(), 1));
  std::string page = page_of(program.pid());
  INFO(page);
  CHECK(page.find("of 12 Python threads wait for the GIL") != std::string::npos);
  CHECK(page.find("in crunch (program.py:") != std::string::npos);
}

TEST_CASE("gil-contention: a holder that sleeps in native code stops everything") {
  PythonProgram program("/usr/bin/python3", fmt::format(R"(
import ctypes
told = _thread.allocate_lock()
told.acquire()
def hold():
    with told:
        ctypes.PyDLL(None).pause()
def work():
    while True: time.sleep(0.01)
start(hold, work, work)
{}told.release()
time.sleep(1000)
)",
                                                        kLongInterval));
  REQUIRE(program.ready());
  REQUIRE(settles(program.pid(), 0));
  std::string page = page_of(program.pid());
  INFO(page);
  CHECK(page.find("runs no Python code") != std::string::npos);
  CHECK(page.find("in hold (program.py:") != std::string::npos);
}

TEST_CASE("gil-contention: an idle pool is none") {
  PythonProgram program("/usr/bin/python3", R"(
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(16)
list(pool.map(lambda each: time.sleep(0.1), range(64)))
start()
time.sleep(1000)
)");
  REQUIRE(program.ready());
  std::string page = page_of(program.pid());
  INFO(page);
  CHECK(page.find("gil-contention") == std::string::npos);
  CHECK(page.find("_worker (thread.py:") != std::string::npos);
}

// Not a test: EC_RECORD_PYTHON=folder live_python "[.record]" makes tests/fixtures/python again.
TEST_CASE("record Python fixtures", "[.record]") {
  const char* folder = std::getenv("EC_RECORD_PYTHON");
  REQUIRE(folder);
  std::ofstream sites(std::string(folder) + "/sites");
  for (const std::string& python : pythons()) {
    PythonProgram program(python, kStandingThreads);
    REQUIRE(program.ready());
    auto found = find_live_python(program.pid());
    REQUIRE(found);
    RecordingMemory recorder(*found->memory);
    REQUIRE(read_python(recorder, found->site, Deadline::never()));
    // The minor version, which the layout follows from, and what 3.13 tells about itself.
    int minor = python_minor_of_path("python" + found->site.version).value_or(0);
    std::array<char, kPythonDebugOffsetsSize> offsets{};
    if (minor >= 13) REQUIRE(recorder.read(found->site.runtime, offsets.data(), offsets.size()));
    std::string name =
        fmt::format("{}/{}", folder, python == "/usr/bin/python3" ? "debian-" : "") + "3." + std::to_string(minor);
    write_text(name + ".memory", recorder.bundle());
    write_text(name + ".dump", program.read_dump(program.pid()));
    sites << fmt::format("{} {} {:x} {:x} {:x} {:x} {}\n", name.substr(name.rfind('/') + 1), minor, found->site.runtime,
                         found->site.code_type, found->site.string_type, found->site.bytes_type,
                         found->site.pthread_tid);
  }
}

}  // namespace ec::test
