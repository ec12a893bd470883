// Targets that break collectors: zombies, kernel threads, PID 1, ourselves, a traced one, one that dies half-way.
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/support/place.h"
#include "tests/support/program.h"

using namespace ec::test;
using nlohmann::json;

namespace {

std::vector<std::string> quick(const std::string& pid, const std::string& output) {
  return {"--pid", pid, "--profile-seconds", "0", "--endpoint", "none", "-o", output};
}

std::string artifact(const std::string& archive, const std::string& name) {
  return collect({"show", archive, name}).out;
}

// Markdown shows what stands between equal runs of backticks as it is; everything else must be escaped.
std::string outside_code_spans(const std::string& markdown) {
  std::string outside;
  for (size_t at = 0; at < markdown.size();) {
    size_t run = 0;
    while (at + run < markdown.size() && markdown[at + run] == '`') ++run;
    size_t close = run ? markdown.find(std::string(run, '`'), at + run) : std::string::npos;
    if (run && close != std::string::npos && markdown.find('\n', at) > close) {
      at = close + run;
    } else {
      outside += markdown[at++];
    }
  }
  return outside;
}

bool wrote_an_archive(const ProgramResult& result, const TempDir& directory) {
  INFO(result.out << result.err);
  CHECK((result.exit_code == 0 || result.exit_code == 3));
  std::string archive = directory.find(".tar.zst");
  CHECK_FALSE(archive.empty());
  CHECK(collect({"verify", archive}).out.find("problem:") == std::string::npos);
  return !archive.empty();
}

}  // namespace

TEST_CASE("a zombie") {
  pid_t zombie = fork();
  if (zombie == 0) _exit(7);
  REQUIRE(eventually(
      [&] { return read_text("/proc/" + std::to_string(zombie) + "/stat").find(") Z") != std::string::npos; }));
  TempDir directory;
  auto result = collect(quick(std::to_string(zombie), directory.path()));
  CHECK(wrote_an_archive(result, directory));
  CHECK(result.out.find("ombie") != std::string::npos);
  waitpid(zombie, nullptr, 0);
}

TEST_CASE("a kernel thread") {
  if (read_text("/proc/2/comm") != "kthreadd\n") return not_run_here("no kernel threads in this PID namespace");
  TempDir directory;
  CHECK(wrote_an_archive(collect(quick("2", directory.path())), directory));
}

TEST_CASE("PID 1") {
  TempDir directory;
  CHECK(wrote_an_archive(collect(quick("1", directory.path())), directory));
}

TEST_CASE("itself") {
  TempDir directory;
  auto result = run_program(
      {"sh", "-c",
       std::string("exec ") + EC_BINARY + " --pid $$ --profile-seconds 0 --endpoint none -o " + directory.path()});
  CHECK(wrote_an_archive(result, directory));
}

TEST_CASE("the shell that started us, and our own parent") {
  TempDir directory;
  auto result = run_program(
      {"sh", "-c", std::string(EC_BINARY) + " --pid $$ --profile-seconds 0 -o " + directory.path() + "; true"});
  CHECK(result.exit_code == 0);
  CHECK_FALSE(directory.find(".tar.zst").empty());
}

TEST_CASE("a target that another tracer holds") {
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle", "5"});
  target.wait_for_line("ready");
  REQUIRE(ptrace(PTRACE_SEIZE, target.pid(), 0, 0) == 0);
  for (const char* mode : {"auto", "consistent"}) {
    TempDir directory;
    auto arguments = quick(std::to_string(target.pid()), directory.path());
    arguments.insert(arguments.end(), {"--stacks", mode});
    auto result = collect(arguments);
    CHECK(wrote_an_archive(result, directory));
    std::string archive = directory.find(".tar.zst");
    // The other tracer is named, and blocked threads are read all the same.
    CHECK(artifact(archive, "summary.md").find(std::to_string(getpid())) != std::string::npos);
    CHECK(artifact(archive, "threads/stacks.txt").find("wait_deep") != std::string::npos);
  }
  ptrace(PTRACE_DETACH, target.pid(), 0, 0);
}

TEST_CASE("a stopped target stays stopped") {
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle", "5"});
  target.wait_for_line("ready");
  kill(target.pid(), SIGSTOP);
  auto stopped = [&] {
    return read_text("/proc/" + std::to_string(target.pid()) + "/stat").find(") T ") != std::string::npos;
  };
  REQUIRE(eventually(stopped));
  for (const char* mode : {"auto", "consistent"}) {
    TempDir directory;
    auto arguments = quick(std::to_string(target.pid()), directory.path());
    arguments.insert(arguments.end(), {"--stacks", mode});
    CHECK(wrote_an_archive(collect(arguments), directory));
    CHECK(eventually(stopped));
  }
  kill(target.pid(), SIGCONT);
}

TEST_CASE("a process that dies half-way is reported with what its death left") {
  for (int signal : {SIGKILL, SIGSEGV}) {
    TempDir directory;
    BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle", "20"});
    target.wait_for_line("ready");
    auto arguments = quick(std::to_string(target.pid()), directory.path());
    arguments.insert(arguments.begin(), EC_BINARY);
    BackgroundProgram run(arguments);
    REQUIRE(eventually([&] { return !directory.find(".partial").empty(); }));
    target.kill_and_reap(signal);
    int status = 0;
    REQUIRE(waitpid(run.pid(), &status, 0) == run.pid());
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 3);
    std::string archive = directory.find(".tar.zst");
    REQUIRE_FALSE(archive.empty());
    auto summary = json::parse(artifact(archive, "summary.json"));
    CAPTURE(summary["verdict"]);
    bool told = false;
    for (const auto& finding : summary["findings"]) told = told || finding["id"] == "target-died";
    CHECK(told);
  }
}

TEST_CASE("a process that ends before we begin") {
  pid_t gone = fork();
  if (gone == 0) _exit(0);
  waitpid(gone, nullptr, 0);
  TempDir directory;
  auto result = collect(quick(std::to_string(gone), directory.path()));
  CHECK(result.exit_code == 1);
  CHECK(directory.find("").empty());
}

TEST_CASE("a process whose name and arguments are hostile") {
  TempDir directory, output;
  std::string odd = directory / "e\nvil <b>|`x` \x1b[31m";
  std::filesystem::copy_file(std::string(EC_TARGETS_DIR) + "/idle", odd);
  BackgroundProgram target({odd});
  target.wait_for_line("ready");
  auto result = collect(quick(std::to_string(target.pid()), output.path()));
  CHECK(wrote_an_archive(result, output));
  CHECK(result.out.find('\x1b') == std::string::npos);
  CHECK(outside_code_spans(artifact(output.find(".tar.zst"), "summary.md")).find("<b>") == std::string::npos);
}

TEST_CASE("a process that the OOM killer takes half-way: the kernel's words and the cgroup's counter are evidence") {
  const std::string cgroup = "/sys/fs/cgroup/memory/ec-test-" + std::to_string(getpid());
  // What counters look like elsewhere is tested on recorded files.
  if (!may_read_kernel_log()) return not_run_here("needs the kernel log: root");
  std::error_code problem;
  if (!std::filesystem::create_directory(cgroup, problem))
    return not_run_here("needs a memory hierarchy of cgroup v1 that we may write to");
  write_text(cgroup + "/memory.limit_in_bytes", "60000000");
  {
    ProgramSettings inside;
    inside.in_child = [&] { write_text(cgroup + "/cgroup.procs", std::to_string(getpid())); };
    BackgroundProgram target({"python3", "-c",
                              "import http.server, threading, time\n"
                              "class Slow(http.server.BaseHTTPRequestHandler):\n"
                              "    def do_GET(self):\n"
                              "        if self.path.startswith('/debug/pprof/profile'):\n"
                              "            eaten = []\n"
                              "            while True: eaten.append(bytearray(4000000))\n"
                              "        self.send_response(200)\n"
                              "        self.end_headers()\n"
                              "        self.wfile.write(b\"<a href='goroutine?debug=1'>goroutine</a>\")\n"
                              "    def log_message(self, *a): pass\n"
                              "server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Slow)\n"
                              "print('ready', flush=True)\n"
                              "server.serve_forever()"},
                             inside);
    REQUIRE_FALSE(target.wait_for_line("ready").empty());
    TempDir directory;
    auto result = collect({"--pid", std::to_string(target.pid()), "--profile-seconds", "1", "-o", directory.path()});
    CHECK(result.exit_code == 3);
    std::string archive = directory.find(".tar.zst");
    REQUIRE_FALSE(archive.empty());
    auto summary = json::parse(artifact(archive, "summary.json"));
    std::string verdict = summary["verdict"];
    CAPTURE(verdict);
    CHECK(verdict.find("killed by SIGKILL") != std::string::npos);
    CHECK(verdict.find("OOM killer") != std::string::npos);
    CHECK(summary["findings"].dump().find("oom_kill rose from 0 to 1") != std::string::npos);
  }
  CHECK(eventually([&] { return std::filesystem::remove(cgroup, problem); }));
}
