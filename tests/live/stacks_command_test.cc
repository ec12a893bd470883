// `stacks PID`: everything at once on standard output, no archive.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/live/stack_programs.h"
#include "tests/support/place.h"

namespace ec::test {

namespace {

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the stacks of a program are printed in groups, and no archive is left") {
  Conversation target({EC_TARGETS_DIR "/heavy", "40", "10", "10"});
  REQUIRE(target.started());
  TempDir folder;
  ProgramSettings settings;
  settings.directory = folder.path();
  std::string pid = std::to_string(target.pid());
  ProgramResult run = collect({"stacks", pid, "--stacks", "no-stop"}, settings);
  CAPTURE(run.out, run.err);
  CHECK((run.exit_code == 0 || run.exit_code == 3));  // its heartbeat thread may be running
  CHECK(has(run.out, "heavy (pid " + pid + ")"));
  CHECK(has(run.out, "40 threads in "));
  CHECK(has(run.out, "waits in pause()"));
  CHECK(has(run.out, "clone3"));
  CHECK(has(run.out, "heavy.cc:"));
  CHECK(run.err.empty());
  CHECK(std::filesystem::is_empty(folder.path()));

  ProgramResult plain = collect({"stacks", "--pid", pid, "--no-lines"}, settings);
  CAPTURE(plain.out);
  CHECK(plain.exit_code == 0);
  CHECK(has(plain.out, "clone3"));
  CHECK_FALSE(has(plain.out, "heavy.cc:"));
}

TEST_CASE("a deadlock stands at the head of the stacks") {
  Conversation target({EC_TARGETS_DIR "/locks", "two"});
  REQUIRE(target.started());
  ProgramResult run;
  // Until both threads wait for each other.
  bool found = eventually([&] {
    run = collect({"stacks", std::to_string(target.pid())});
    return has(run.out, "deadlock-suspect");
  });
  CAPTURE(run.out);
  CHECK(found);
  CHECK(run.out.find("deadlock-suspect") < run.out.find("threads in "));
}

TEST_CASE("many threads of one stack are counted rather than listed") {
  Conversation target({EC_TARGETS_DIR "/heavy", "300", "10", "10"});
  REQUIRE(target.started());
  ProgramResult run = collect({"stacks", std::to_string(target.pid())});
  CHECK(has(run.out, "    and 2"));
  CHECK(has(run.out, " more\n"));
  CHECK(run.out.size() < 16 * 1024);
}

TEST_CASE("stacks of a process that is not there: one line, exit code 1") {
  ProgramResult run = collect({"stacks", "4194303"});
  CHECK(run.exit_code == 1);
  CHECK(run.out.empty());
  CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
}

}  // namespace ec::test
