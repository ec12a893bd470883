#include "collector/collectors/stacks.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <iterator>

#include "collector/collectors/threads.h"

namespace ec {

namespace {

StackDump two_threads() {
  StackDump dump;
  dump.stop_ns = 31'400;
  dump.worst_thread_ns = 17'001;
  dump.threads_stopped = 1;
  dump.threads_read_without_stop = 1;
  dump.stacks.push_back({{{0x55d0c2a01234, FoundBy::kRegisters, false}, {0x7f5b3a224246, FoundBy::kCfi, true}},
                         StackEnd::kRoot,
                         false,
                         0});
  DumpedThread quiet, stopped, none;
  quiet.tid = 10;
  quiet.read_by = DumpedThread::ReadBy::kNoStop;
  quiet.stack = 0;
  stopped.tid = 11;
  stopped.read_by = DumpedThread::ReadBy::kPtrace;
  stopped.stack = 0;
  stopped.pause_ns = 17'001;
  stopped.interrupted_call = true;
  none.tid = 12;
  none.note = "it was \"running\"\n";
  dump.threads = {quiet, stopped, none};
  return dump;
}

NamedStacks names() {
  NamedStacks named;
  named.frames.push_back(
      {0x55d0c2a01234, FoundBy::kRegisters, "/opt/my app", 0x1234, "handle(std::string const&)", 0x34, ""});
  named.frames.push_back({0x7f5b3a224246, FoundBy::kCfi, "/lib/libc.so.6", 0x24246, "", 0, "no symbol table"});
  named.stacks = {{0, 1}};
  named.module_paths = {"/opt/my app", "/lib/libc.so.6"};
  named.module_build_ids = {"aabb", "ccdd"};
  return named;
}

}  // namespace

TEST_CASE("lines and inlined frames survive the way through raw/stacks.json") {
  NamedStacks named = names();
  NamedFrame inlined = named.frames[0];
  inlined.symbol = "parse";
  inlined.file = "/src/parse.h";
  inlined.line = 7;
  inlined.inlined = true;
  named.frames[0].file = "/src/handle.cc";
  named.frames[0].line = 42;
  named.frames.push_back(inlined);
  named.stacks = {{2, 0, 1}};
  auto stacks =
      parse_stacks_json("raw/stacks.json", stacks_json(two_threads(), named, StackMode::kConsistent, milliseconds(50)));
  REQUIRE(stacks);
  REQUIRE(stacks->frames.size() == 3);
  CHECK(stacks->stacks[0].frames == std::vector<uint32_t>{2, 0, 1});
  CHECK(stacks->frames[2].inlined);
  CHECK(stacks->frames[2].pc == stacks->frames[0].pc);
  CHECK(stacks->frames[2].file == "/src/parse.h");
  CHECK(stacks->frames[2].line == 7);
  CHECK_FALSE(stacks->frames[0].inlined);
  CHECK(stacks->frames[0].line == 42);
  CHECK(stacks->frames[1].file.empty());
}

TEST_CASE("stacks survive the way through raw/stacks.json") {
  std::string text = stacks_json(two_threads(), names(), StackMode::kConsistent, milliseconds(50));
  auto stacks = parse_stacks_json("raw/stacks.json", text);
  REQUIRE(stacks);
  CHECK(stacks->pause.mode == "auto");
  CHECK(stacks->pause.asked == "consistent");
  CHECK(stacks->pause.budget_us == 50'000);
  CHECK(stacks->pause.stop_us == 32);  // rounded up: never less than it was
  CHECK(stacks->pause.worst_thread_us == 18);
  CHECK(stacks->pause.threads_stopped == 1);
  CHECK(stacks->pause.threads_read_without_stop == 1);
  REQUIRE(stacks->frames.size() == 2);
  CHECK(stacks->frames[0].pc == 0x55d0c2a01234);
  CHECK(stacks->frames[0].module == "/opt/my app");
  CHECK(stacks->frames[0].build_id == "aabb");
  CHECK(stacks->frames[0].module_offset == 0x1234);
  CHECK(stacks->frames[0].symbol == "handle(std::string const&)");
  CHECK(stacks->frames[0].symbol_offset == 0x34);
  CHECK(stacks->frames[0].found_by == "registers");
  CHECK(stacks->frames[1].symbol.empty());
  CHECK(stacks->frames[1].unknown_reason == "no symbol table");
  REQUIRE(stacks->stacks.size() == 1);
  CHECK(stacks->stacks[0].end == "root");
  REQUIRE(stacks->threads.size() == 3);
  CHECK(stacks->threads[0].read_by == "no-stop");
  CHECK(stacks->threads[0].stack == 0u);
  CHECK(stacks->threads[1].interrupted_call);
  CHECK(stacks->threads[1].pause_us == Approx(17.1));
  CHECK_FALSE(stacks->threads[2].stack);
  CHECK(stacks->threads[2].note == "it was \"running\"\n");
  CHECK(stacks->total_frames == 4);
  CHECK(stacks->unresolved_frames == 2);
}

TEST_CASE("a recorded run: eight threads in different calls, one computing") {
  RawStore store;
  auto add = [&](const char* path, const char* file) {
    std::ifstream stream(std::string(EC_FIXTURES "/stacks/") + file, std::ios::binary);
    ArtifactRow row;
    row.path = path;
    store.add(row, std::string(std::istreambuf_iterator<char>(stream), {}));
  };
  add("raw/proc/4711/task.bundle", "task.bundle");
  add("raw/stacks.json", "stacks.json");
  add("raw/futex.bundle", "futex.bundle");
  Snapshot snapshot;
  snapshot.target.pid = 4711;
  parse_threads(store, snapshot);
  parse_stacks(store, snapshot);
  REQUIRE(snapshot.threads);
  REQUIRE(snapshot.stacks);
  std::map<std::string, int> calls;
  int owner = 0;
  for (const Thread& thread : *snapshot.threads) {
    ++calls[thread.call ? thread.call->name : "running"];
    if (thread.futex) std::memcpy(&owner, thread.futex->bytes.data() + 56, sizeof owner);
  }
  CHECK(calls == std::map<std::string, int>{{"read", 1},
                                            {"epoll_wait", 2},
                                            {"semtimedop", 1},
                                            {"rt_sigtimedwait", 1},
                                            {"recvfrom", 1},
                                            {"futex", 1},
                                            {"running", 1}});
  CHECK(owner == snapshot.threads->front().tid);  // main holds the mutex
  CHECK(snapshot.stacks->pause.threads_stopped == 1);
  CHECK(snapshot.stacks->pause.threads_read_without_stop == 7);
  CHECK(snapshot.stacks->unresolved_frames == 0);
  CHECK(snapshot.stacks->threads.size() == 8);
  for (const ThreadStack& thread : snapshot.stacks->threads) {
    REQUIRE(thread.stack);
    CHECK(snapshot.stacks->stacks[*thread.stack].end == "root");
  }
}

TEST_CASE("indices that point nowhere are refused, other oddities are nothing") {
  auto parse = [](std::string_view text) { return parse_stacks_json("raw/stacks.json", text); };
  CHECK(parse(R"({"stacks":[{"frames":[0]}]})").error().message() ==
        "raw/stacks.json: expected indices of frames in \"stacks\"");
  CHECK(parse(R"({"frames":[{}],"stacks":[{"frames":[-1]}]})").error().code == ErrorCode::kMalformed);
  CHECK(parse(R"({"threads":[{"tid":1,"stack":0}]})").error().message() ==
        "raw/stacks.json: expected indices of stacks in \"threads\"");
  CHECK(parse("[]").error().message() == "raw/stacks.json: expected a JSON object");
  CHECK(parse("{\"threads\":").error().code == ErrorCode::kMalformed);
  auto odd =
      parse(R"({"pause":7,"frames":[1,{"pc":5,"module":9,"symbol":[]}],"threads":[null,{"tid":"x"}],"stacks":{}})");
  REQUIRE(odd);
  CHECK(odd->frames.size() == 2);
  CHECK(odd->frames[1].module.empty());
  CHECK(odd->threads.size() == 1);
}

}  // namespace ec
