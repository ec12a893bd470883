#include "collector/collectors/python.h"

#include <catch2/catch.hpp>

#include "collector/collectors/python_merge.h"

namespace ec {

namespace {

PythonSite site() {
  PythonSite site;
  site.version = "3.11.2";
  site.module = "/usr/bin/python3.11";
  return site;
}

// Thread 7 of a container runs handle, called by main, both in the outer one of its two evaluators; cb in the inner.
PythonRead one_thread() {
  PythonRead read;
  read.codes = {{"/srv/app.py", "cb", ""}, {"/srv/app.py", "handle", "App.handle"}, {"/srv/app.py", "<module>", ""}};
  PythonThreadRead thread;
  thread.native_id = 7;
  thread.pthread_tid = 7;
  thread.frames = {{0, 42}, {1, 10}, {2, 99}};
  thread.evaluators = {1, 2};
  thread.whole = true;
  read.threads = {thread};
  read.gils = {{0xa5b8a8, true, 0}};
  return read;
}

std::vector<Thread> threads() {
  Thread thread;
  thread.tid = 4711;
  thread.ns_tid = 7;
  return {thread};
}

Frame native(const std::string& symbol) {
  Frame frame;
  frame.symbol = symbol;
  frame.found_by = "cfi";
  return frame;
}

// read ← evaluator ← call ← evaluator ← main
Stacks native_stack() {
  Stacks stacks;
  stacks.frames = {native("read"), native("_PyEval_EvalFrameDefault"), native("PyObject_Call"), native("main")};
  stacks.stacks.push_back({{0, 1, 2, 1, 3}, "root", {}, {}});
  stacks.threads.push_back({4711, "no-stop", 0, 0, false, ""});
  return stacks;
}

std::vector<std::string> names(const Stacks& stacks, const std::vector<uint32_t>& frames) {
  std::vector<std::string> list;
  for (uint32_t index : frames) list.push_back(stacks.frames.at(index).symbol);
  return list;
}

PythonRuntime parsed(const PythonRead& read) {
  auto known = threads();
  auto python = parse_python_json("raw/python.json", python_json(site(), read), &known);
  REQUIRE(python);
  return *python;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("Python frames survive the way through raw/python.json") {
  PythonRuntime python = parsed(one_thread());
  CHECK(python.version == "3.11.2");
  CHECK(python.module == "/usr/bin/python3.11");
  REQUIRE(python.threads.size() == 1);
  CHECK(python.threads[0].tid == 4711);
  CHECK(python.threads[0].whole);
  REQUIRE(python.frames.size() == 3);
  CHECK(python.frames[1].symbol == "App.handle");
  CHECK(python.frames[1].file == "/srv/app.py");
  CHECK(python.frames[1].line == 10);
  CHECK(python.frames[1].found_by == "python");
  REQUIRE(python.locks.size() == 1);
  CHECK(python.locks[0].address == 0xa5b8a8);
  CHECK(python.locks[0].held);
  CHECK(python.locks[0].holder == 4711);
}

TEST_CASE("a forked Python notes the thread of its parent: the C library knows better") {
  PythonRead read = one_thread();
  read.threads[0].native_id = 5;
  CHECK(parsed(read).threads[0].tid == 4711);
  read.threads[0].pthread_tid = 6;
  CHECK(parsed(read).threads[0].tid == 0);
}

TEST_CASE("Python frames take the places of the evaluators that run them") {
  Stacks stacks = native_stack();
  merge_python(parsed(one_thread()), stacks);
  const Stack& stack = stacks.stacks.at(*stacks.threads[0].stack);
  CHECK(names(stacks, stack.frames) == Names{"read", "cb", "PyObject_Call", "App.handle", "<module>", "main"});
  CHECK(stack.python_frames.empty());
  CHECK(stack.python_note == "");

  // Once more changes nothing: the raw files are parsed again after the second reading.
  merge_python(parsed(one_thread()), stacks);
  CHECK(names(stacks, stacks.stacks.at(*stacks.threads[0].stack).frames).size() == 6);
}

TEST_CASE("an evaluator that has just begun stays as it is") {
  PythonRead read = one_thread();
  read.threads[0].frames = {{1, 10}, {2, 99}};
  read.threads[0].evaluators = {0, 2};
  Stacks stacks = native_stack();
  merge_python(parsed(read), stacks);
  CHECK(names(stacks, stacks.stacks.at(*stacks.threads[0].stack).frames) ==
        Names{"read", "_PyEval_EvalFrameDefault", "PyObject_Call", "App.handle", "<module>", "main"});
}

TEST_CASE("Python and native frames that do not fit stay side by side") {
  for (bool whole : {true, false}) {
    PythonRead read = one_thread();
    if (whole) {
      read.threads[0].evaluators = {3};
    } else {
      read.threads[0].whole = false;
      read.threads[0].note = "it ran";
    }
    Stacks stacks = native_stack();
    merge_python(parsed(read), stacks);
    const Stack& stack = stacks.stacks.at(*stacks.threads[0].stack);
    CHECK(names(stacks, stack.frames) ==
          Names{"read", "_PyEval_EvalFrameDefault", "PyObject_Call", "_PyEval_EvalFrameDefault", "main"});
    CHECK(names(stacks, stack.python_frames) == Names{"cb", "App.handle", "<module>"});
    CHECK(stack.python_note != "");
  }
}

TEST_CASE("raw/python.json with indices out of range is malformed") {
  for (const char* text : {R"([])", R"({"codes":[],"threads":[{"frames":[[0,1]]}]})",
                           R"({"codes":[{}],"threads":[{"frames":[[0,1]],"evaluators":[2]}]})",
                           R"({"codes":[{}],"threads":[{"frames":[[0]]}]})"}) {
    INFO(text);
    auto python = parse_python_json("raw/python.json", text, nullptr);
    REQUIRE_FALSE(python);
    CHECK(python.error().code == ErrorCode::kMalformed);
  }
}

}  // namespace ec
