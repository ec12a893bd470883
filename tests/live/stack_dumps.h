// Dumps of real processes for the stack tests, and what they are compared with.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "collector/base/text.h"
#include "collector/collectors/stacks.h"
#include "collector/collectors/threads.h"
#include "collector/target/task_dir.h"
#include "tests/live/files_sink.h"
#include "tests/support/program.h"

namespace ec::test {

using Addresses = std::map<int, std::vector<uint64_t>>;

inline Snapshot dump(pid_t pid, StackMode mode, milliseconds max_pause = milliseconds(1000)) {
  RunOptions options;
  options.stacks = mode;
  options.max_pause = max_pause;
  Snapshot snapshot = collected(pid, {{gather_threads, parse_threads}, {gather_stacks, parse_stacks}}, options);
  REQUIRE(snapshot.threads);
  REQUIRE(snapshot.stacks);
  return snapshot;
}

inline Addresses addresses(const Stacks& stacks) {
  Addresses result;
  for (const ThreadStack& thread : stacks.threads) {
    auto& list = result[thread.tid];
    if (thread.stack)
      for (uint32_t frame : stacks.stacks[*thread.stack].frames)
        if (!stacks.frames[frame].inlined) list.push_back(stacks.frames[frame].pc);
  }
  return result;
}

inline std::vector<std::string> symbols(const Stacks& stacks, const ThreadStack& thread) {
  std::vector<std::string> names;
  if (thread.stack)
    for (uint32_t frame : stacks.stacks[*thread.stack].frames) names.push_back(stacks.frames[frame].symbol);
  return names;
}

inline bool contains(const std::vector<std::string>& names, const std::string& part) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return name.find(part) != std::string::npos; });
}

inline Addresses eu_stack(pid_t pid) {
  Addresses result;
  ProgramResult run = run_program({"eu-stack", "-p", std::to_string(pid)});
  LineCursor lines("eu-stack", run.out);
  int tid = 0;
  while (auto line = lines.next()) {
    if (line->starts_with("TID ")) tid = parse_number<int>(line->substr(4, line->size() - 5)).value_or(0);
    if (!line->starts_with("#")) continue;
    FieldCursor fields(*line);
    fields.word();
    std::string_view address = fields.word().value_or("");
    if (address.starts_with("0x")) result[tid].push_back(parse_number<uint64_t>(address.substr(2), 16).value_or(0));
  }
  return result;
}

inline std::multiset<char> states(pid_t pid) {
  std::multiset<char> result;
  auto tasks = TaskDir::open(pid);
  auto tids = tasks ? tasks->list() : fail(ErrorCode::kGone, "", "");
  for (pid_t tid : tids ? *tids : std::vector<pid_t>{})
    if (auto stat = tasks->read(tid, "stat")) result.insert((*stat)[stat->rfind(')') + 2]);
  return result;
}

// Every thread is at its waiting place: "ready" is printed a moment before.
inline bool settled(pid_t pid) {
  return eventually([&] {
    std::multiset<char> now = states(pid);
    return now.count('S') == now.size();
  });
}

// Every thread of an idle program, address by address, to the end of its stack, and nobody was stopped for it.
inline void same_as_eu_stack(pid_t pid) {
  REQUIRE(settled(pid));
  Snapshot snapshot;
  Addresses ours, theirs;
  bool same = eventually([&] {
    snapshot = dump(pid, StackMode::kAuto);
    ours = addresses(*snapshot.stacks);
    theirs = eu_stack(pid);
    return ours == theirs && snapshot.stacks->pause.threads_stopped == 0;  // servers wake up now and then
  });
  CAPTURE(pid);
  if (!same) CHECK(ours == theirs);
  REQUIRE(same);
  for (const ThreadStack& thread : snapshot.stacks->threads) {
    CHECK(thread.read_by == "no-stop");
    REQUIRE(thread.stack);
    CHECK(snapshot.stacks->stacks[*thread.stack].end == "root");
    std::vector<std::string> names = symbols(*snapshot.stacks, thread);
    REQUIRE_FALSE(names.empty());
    bool whole = names.back() == "_start" || names.back().find("clone") != std::string::npos;
    CHECK(whole);
  }
  CHECK(snapshot.stacks->pause.threads_stopped == 0);
  CHECK(runs_freely(pid));
}

inline const ThreadStack& stack_of(const Stacks& stacks, int tid) {
  auto found = std::find_if(stacks.threads.begin(), stacks.threads.end(),
                            [&](const ThreadStack& each) { return each.tid == tid; });
  REQUIRE(found != stacks.threads.end());
  return *found;
}

}  // namespace ec::test
