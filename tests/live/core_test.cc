// Core files of real programs: written by the kernel, cut short, of a program that was replaced, and by gcore.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/live/stack_programs.h"
#include "tests/support/place.h"
#include "tests/support/program.h"

namespace ec::test {

namespace {

using nlohmann::json;

// Where the kernel pipes cores to a program, or puts them elsewhere, there is none for us.
bool cores_land_here() {
  std::string pattern = read_text("/proc/sys/kernel/core_pattern");
  return pattern.starts_with("core");
}

std::string core_in(const TempDir& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    if (entry.path().filename().string().starts_with("core")) return entry.path();
  return {};
}

// Lets the program end, and gives the path of its core.
std::string crash(const TempDir& folder, const std::string& way, std::string program = EC_TARGETS_DIR "/crash") {
  ProgramSettings settings;
  settings.directory = folder.path();
  settings.in_child = [] {
    rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &all);
  };
  run_program({program, way}, settings);
  return core_in(folder);
}

struct Look {
  int exit_code = -1;
  std::string page, summary;
  json stacks, facts;
};

Look look_at(const TempDir& folder, const std::string& core, std::vector<std::string> more = {}) {
  std::filesystem::remove(folder / "look.tar.zst");
  std::vector<std::string> arguments{"--core", core, "-o", folder / "look.tar.zst"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  ProgramResult run = collect(arguments);
  CAPTURE(run.err);
  REQUIRE((run.exit_code == 0 || run.exit_code == 3));
  auto artifact = [&](const std::string& path) { return collect({"show", folder / "look.tar.zst", path}).out; };
  Look look{run.exit_code, run.out, artifact("summary.json"), {}, {}};
  look.stacks = json::parse(artifact("threads/stacks.json"), nullptr, false);
  look.facts = json::parse(artifact("raw/core.json"), nullptr, false);
  REQUIRE(look.stacks.is_object());
  REQUIRE(look.facts.is_object());
  return look;
}

// The functions of the thread that got the signal, without their parameters.
std::string functions(const Look& look, size_t most) {
  std::string names;
  for (const json& thread : look.stacks["threads"]) {
    if (thread["tid"] != look.facts["signal"]["tid"]) continue;
    for (const json& frame : thread["frames"]) {
      if (most-- == 0) break;
      std::string name = frame["symbol"].get<std::string>();
      if (size_t scope = name.find(")::"); scope != std::string::npos) name.erase(0, scope + 3);
      names += (names.empty() ? "" : " ") + name.substr(0, name.find('('));
    }
  }
  return names;
}

size_t whole_stacks(const Look& look) {
  size_t whole = 0;
  for (const json& thread : look.stacks["threads"]) whole += thread["end"] == "root" ? 1 : 0;
  return whole;
}

bool says(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

}  // namespace

TEST_CASE("the core of a crashed program says why, with the stacks of all threads") {
  if (!cores_land_here()) return not_run_here("needs a core_pattern that writes to the working directory");
  struct Case {
    std::string way, functions, words;
  };
  for (const Case& each :
       {Case{"read", "read_order handle work", "SIGSEGV: address 0xc not mapped, read by thread "},
        Case{"write", "write_order handle work", "SIGSEGV: address 0xc not mapped, written by thread "},
        Case{"divide", "divide handle work", "SIGFPE: integer divided by zero"},
        Case{"int3", "handle work start_thread", "SIGTRAP: a breakpoint instruction without a debugger, at address 0x"},
        Case{"trap", "handle work start_thread", "The program stopped itself with ud2"},
        Case{"raise", "", "SIGTRAP, raised by thread "}}) {
    TempDir folder;
    std::string core = crash(folder, each.way);
    REQUIRE(!core.empty());
    Look look = look_at(folder, core);
    INFO(look.page);
    CHECK(look.exit_code == 0);
    if (!each.functions.empty()) CHECK(functions(look, 3) == each.functions);
    CHECK(says(look.summary, each.words));
    CHECK(look.stacks["threads"].size() == 3);
    CHECK(whole_stacks(look) == 3);
    CHECK(says(look.page, "a core file has the memory and the registers of one moment"));
  }
}

TEST_CASE("an exception that nobody caught and a stack that is used up are told apart") {
  if (!cores_land_here()) return not_run_here("needs a core_pattern that writes to the working directory");
  TempDir one, two;
  Look thrown = look_at(one, crash(one, "throw"));
  CHECK(says(thrown.summary, "SIGABRT, raised by thread "));
  CHECK(says(thrown.summary, "An exception was thrown that nobody caught."));
  CHECK(says(thrown.summary, "::handle (crash.cc:"));
  Look deep = look_at(two, crash(two, "overflow"));
  CHECK(says(deep.summary, "The stack of the thread is used up"));
  CHECK(says(functions(deep, 2), "go_deeper go_deeper"));
  CHECK(says(deep.summary, " times, called by (anonymous namespace)::handle (crash.cc:"));
}

TEST_CASE("a core that is cut short gives what is there and says what is missing") {
  if (!cores_land_here()) return not_run_here("needs a core_pattern that writes to the working directory");
  TempDir folder;
  std::string core = crash(folder, "read");
  REQUIRE(!core.empty());
  auto size = std::filesystem::file_size(core);
  std::filesystem::resize_file(core, size / 2);
  Look half = look_at(folder, core);
  CHECK(half.exit_code == 3);
  CHECK(half.stacks["threads"].size() == 3);
  CHECK(says(half.page, "the core file is cut short at "));
  CHECK(says(half.page, "SIGSEGV: address 0xc not mapped"));
  std::filesystem::resize_file(core, 100);
  ProgramResult nothing = collect({"--core", core, "-o", folder / "nothing.tar.zst"});
  CHECK(nothing.exit_code == 1);
  CHECK(says(nothing.err, "cut short"));
}

TEST_CASE("a program that was replaced since is said and not used, and --exe brings the right one") {
  if (!cores_land_here()) return not_run_here("needs a core_pattern that writes to the working directory");
  TempDir folder, programs;
  std::string program = programs / "crash";
  std::filesystem::copy_file(EC_TARGETS_DIR "/crash", program);
  std::string core = crash(folder, "read", program);
  REQUIRE(!core.empty());
  std::filesystem::remove(program);
  std::filesystem::copy_file(EC_TARGETS_DIR "/idle", program);
  Look replaced = look_at(folder, core);
  CHECK(says(replaced.page, "another file than the one that ran"));
  std::string build_id = replaced.facts["programs"][0]["build_id"];
  CHECK(build_id.size() == 40);
  CHECK(says(replaced.page, "unwinding tables and names of " + program + " (build id " + build_id + ")"));
  CHECK_FALSE(says(functions(replaced, 9), "read_order"));
  Look right = look_at(folder, core, {"--exe", EC_TARGETS_DIR "/crash"});
  CHECK(functions(right, 3) == "read_order handle work");
}

TEST_CASE("the core of a Go program names the function that failed, and its goroutines with what they wait for") {
  if (!cores_land_here()) return not_run_here("needs a core_pattern that writes to the working directory");
  TempDir folder;
  write_text(folder / "main.go",
             "package main\n"
             "import \"time\"\n"
             "//go:noinline\n"
             "func boom(p *int) int { return *p }\n"
             "func waiter(c chan int) { <-c }\n"
             "func main() {\n"
             "\tc := make(chan int)\n"
             "\tfor i := 0; i < 50; i++ { go waiter(c) }\n"
             "\ttime.Sleep(100 * time.Millisecond)\n"
             "\tprintln(boom(nil))\n"
             "}\n");
  ProgramSettings settings;
  settings.directory = folder.path();
  settings.environment = {"GOFLAGS=-mod=mod -buildvcs=false", "GOPROXY=off", "GOCACHE=" + (folder / "cache"),
                          "GOTRACEBACK=crash"};
  settings.timeout = std::chrono::seconds(150);
  ProgramResult made = run_program({"go", "build", "-o", "program", "main.go"}, settings);
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
  settings.in_child = [] {
    rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &all);
  };
  run_program({folder / "program"}, settings);
  std::string core = core_in(folder);
  REQUIRE(!core.empty());
  Look look = look_at(folder, core);
  INFO(look.page);
  CHECK(says(look.page, "in main.boom (main.go:4), called by main.main (main.go:10)"));
  CHECK(says(look.page, "A nil pointer was used, or memory that is not there."));
  CHECK(says(look.page, "50 × chan receive"));
  CHECK(says(functions(look, 40), "runtime.gopanic"));
}

TEST_CASE("a core that gdb wrote at a breakpoint is that of a live process") {
  if (run_program({"sh", "-c", "command -v gdb"}).exit_code != 0) return not_run_here("needs gdb");
  TempDir folder;
  run_program({"gdb", "-nx", "-batch", "-ex", "break divide", "-ex", "run divide", "-ex",
               "generate-core-file " + (folder / "core"), EC_TARGETS_DIR "/crash"});
  std::string core = core_in(folder);
  if (core.empty()) return not_run_here("needs a gdb that may trace");
  Look look = look_at(folder, core);
  INFO(look.page);
  CHECK(look.facts["signal"]["number"] == SIGTRAP);
  CHECK(says(look.page, "no signal: a debugger wrote the core of the live process"));
  CHECK_FALSE(says(look.summary, "\"crashed\""));
}

TEST_CASE("a core that gcore wrote of a deadlock shows the circle") {
  if (run_program({"sh", "-c", "command -v gcore"}).exit_code != 0) return not_run_here("needs gcore");
  TempDir folder;
  Conversation target({EC_TARGETS_DIR "/locks", "two"});
  REQUIRE(target.started());
  usleep(200'000);
  run_program({"gcore", "-o", folder / "core", std::to_string(target.pid())});
  std::string core = core_in(folder);
  if (core.empty()) return not_run_here("needs a gcore that may trace");
  Look look = look_at(folder, core);
  INFO(look.page);
  CHECK(says(look.summary, "\"deadlock\""));
  CHECK(says(look.page, "All of it is of one moment, from the core file."));
  CHECK_FALSE(says(look.summary, "\"crashed\""));
  // By now another process may have the number.
  CHECK_FALSE(says(look.page, "/proc/" + std::to_string(target.pid())));
  CHECK(says(collect({"show", folder / "look.tar.zst", "runbooks/deadlock.md"}).out, "/proc/$PID/"));
}

TEST_CASE("code without frame pointers that a program made is unwound in its core, by what it told debuggers") {
  if (run_program({"sh", "-c", "command -v gcore"}).exit_code != 0) return not_run_here("needs gcore");
  TempDir folder;
  BackgroundProgram target({EC_TARGETS_DIR "/jit_code", "relocations"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  run_program({"gcore", "-o", folder / "core", std::to_string(target.pid())});
  std::string core = core_in(folder);
  if (core.empty()) return not_run_here("needs a gcore that may trace");
  Look look = look_at(folder, core);
  INFO(look.page);
  CHECK(says(functions(look, 40), "jit_inner"));
  CHECK(says(functions(look, 40), "jit_outer"));
  CHECK(says(functions(look, 40), "main"));
}

}  // namespace ec::test
