// A target that writes over everything that is read of it, all the time (tests/targets/scribbler.cc): nothing crashes,
// hangs or grows, and what could not be read is said.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "collector/collectors/goroutines.h"
#include "collector/collectors/python.h"
#include "tests/live/stack_dumps.h"
#include "tests/live/stack_programs.h"
#include "tests/support/place.h"

namespace ec::test {

namespace {

constexpr int kWarmUp = 4, kLooks = 12;
constexpr unsigned kLongestSeconds = 150;

// "" or what is wrong with it.
std::string problem_of(const Stacks& stacks, size_t least_threads) {
  if (stacks.threads.size() < least_threads) return fmt::format("only {} threads", stacks.threads.size());
  for (const ThreadStack& thread : stacks.threads)
    if (!thread.stack && thread.note.empty()) return fmt::format("thread {} has neither stack nor reason", thread.tid);
  for (const Stack& stack : stacks.stacks)
    if (stack.frames.empty() || stack.end.empty()) return "a stack without frames, or without a word on its end";
  return {};
}

uint64_t resident_bytes() {
  uint64_t size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * 4096;
}

// One process looks again and again, as a series of samples does; a crash or a hang ends it with a signal.
std::string look_many_times(pid_t target, RunOptions options) {
  alarm(kLongestSeconds);
  uint64_t before = 0;
  for (int i = 0; i < kLooks; ++i) {
    if (i == kWarmUp) before = resident_bytes();
    Snapshot snapshot = collected(target,
                                  {{gather_threads, parse_threads},
                                   {gather_stacks, parse_stacks},
                                   {gather_goroutines, parse_goroutines},
                                   {gather_python, parse_python}},
                                  options);
    if (!snapshot.stacks) return snapshot.stacks.why().message();
    if (auto problem = problem_of(*snapshot.stacks, 9); !problem.empty()) return problem;
  }
  // The code map of a sanitizer and what it keeps back of freed memory grow by themselves.
  const uint64_t most = (has_sanitizer() ? uint64_t{256} : uint64_t{16}) << 20;
  if (uint64_t now = resident_bytes(); now > before + most) return fmt::format("grew from {} to {} bytes", before, now);
  return {};
}

// Its words come back through a pipe, with how it ended.
std::string in_another_process(const std::function<std::string()>& body) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  pid_t child = fork();
  if (child == 0) {
    std::string words;
    try {
      words = body();
    } catch (const std::exception& problem) {
      words = problem.what();
    } catch (...) {
      words = "an exception";
    }
    words += '\n';
    _exit(write(ends[1], words.data(), words.size()) == static_cast<ssize_t>(words.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string words;
  char buffer[512];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;) words.append(buffer, static_cast<size_t>(got));
  close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) return fmt::format("ended by signal {}", WTERMSIG(status));
  return std::string(trim(words));
}

}  // namespace

TEST_CASE("a target that writes over its stacks, headers and lists is read again and again, in every mode") {
  Conversation target({EC_TARGETS_DIR "/scribbler"});
  REQUIRE(target.started());
  REQUIRE(eventually([&] { return target.number("rounds") > 10; }));
  for (StackMode mode : {StackMode::kAuto, StackMode::kConsistent, StackMode::kNoStop, StackMode::kKernel})
    for (bool restart : {false, true}) {
      RunOptions options;
      options.stacks = mode;
      options.restart_interrupted = restart;
      options.max_pause = milliseconds(200);
      CAPTURE(static_cast<int>(mode), restart);
      if (mode != StackMode::kKernel)
        CHECK(in_another_process([&] { return look_many_times(target.pid(), options); }) == "");
      CHECK(eventually([&] { return runs_freely(target.pid()); }));
      long rounds = target.number("rounds");
      CHECK(eventually([&] { return target.number("rounds") > rounds; }));
    }
}

TEST_CASE("whole runs on such a target end, with every helper alive and every gap told") {
  Conversation target({EC_TARGETS_DIR "/scribbler"});
  REQUIRE(target.started());
  REQUIRE(eventually([&] { return target.number("rounds") > 10; }));
  for (const char* mode : {"auto", "consistent", "no-stop", "kernel"})
    for (int i = 0; i < 2; ++i) {
      TempDir folder;
      auto run = collect({"--pid", std::to_string(target.pid()), "--profile-seconds", "0", "--endpoint", "none",
                          "--stacks", mode, "-o", folder.path()});
      CAPTURE(mode, run.out, run.err);
      CHECK_FALSE(run.timed_out);
      REQUIRE((run.exit_code == 0 || run.exit_code == 3));
      std::string archive = folder.find(".tar.zst");
      CHECK(collect({"verify", archive}).out.find("problem:") == std::string::npos);
      auto manifest = nlohmann::json::parse(collect({"show", archive, "manifest.json"}).out);
      for (const auto& row : manifest["artifacts"]) {
        std::string reason = row["reason"];
        INFO(row["path"] << ": " << reason);
        CHECK(reason.find("ended by signal") == std::string::npos);
        CHECK((row["status"] == "ok" || !reason.empty()));
      }
      auto stacks = nlohmann::json::parse(collect({"show", archive, "threads/stacks.json"}).out);
      CHECK(stacks["threads"].size() >= 9);
      CHECK(eventually([&] { return runs_freely(target.pid()); }));
    }
  long rounds = target.number("rounds");
  CHECK(eventually([&] { return target.number("rounds") > rounds; }));
}

}  // namespace ec::test
