// Exit codes, one clear line for bad input, pipes, interrupts: what other programs depend on.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/place.h"
#include "tests/support/program.h"

using namespace ec::test;

namespace {

int lines_of(const std::string& text) { return static_cast<int>(std::count(text.begin(), text.end(), '\n')); }

std::vector<std::string> quick(pid_t pid, const std::string& output) {
  return {"--pid", std::to_string(pid), "--profile-seconds", "0", "--endpoint", "none", "-o", output};
}

}  // namespace

TEST_CASE("bad input gives one clear line and exit code 2") {
  struct Case {
    std::vector<std::string> arguments;
    std::string says;
  };
  TempDir directory;
  const Case cases[] = {
      {{}, "--pid"},
      {{"--pid", "zero"}, "zero"},
      {{"--pid", "-4"}, "-4"},
      {{"--pid", "99999999999999999999"}, "99999999999999999999"},
      {{"--pid", "1", "--name", "init"}, "--name"},
      {{"--pid", "1", "--format", "rar"}, "rar"},
      {{"--pid", "1", "--stacks", "maybe"}, "maybe"},
      {{"--pid", "1", "--only", "no-such-collector"}, "no-such-collector"},
      {{"--pid", "1", "--endpoint", "gopher://x"}, "gopher://x"},
      {{"--pid", "1", "--profile-seconds", "-1"}, "-1"},
      {{"--pid", "1", "--runbooks", "/no/such/folder"}, "/no/such/folder"},
      {{"--port", "70000"}, "70000"},
      {{"--no-such-option"}, "--no-such-option"},
      {{"runbook", "show", "no-such-page"}, "no-such-page"},
      {{"show"}, "ARCHIVE"},
      {{"stacks"}, "PID"},
      {{"stacks", "0"}, "0"},
      {{"stacks", "1", "--pid", "1"}, "once"},
      {{"stacks", "1", "--stacks", "kernel"}, "no-stop"},
  };
  for (const Case& c : cases) {
    ProgramSettings settings;
    settings.directory = directory.path();
    auto result = collect(c.arguments, settings);
    CAPTURE(c.arguments, result.err);
    CHECK(result.exit_code == 2);
    CHECK(result.out.empty());
    CHECK(lines_of(result.err) == 1);
    CHECK(result.err.find(c.says) != std::string::npos);
  }
  CHECK(directory.find("").empty());
}

TEST_CASE("several processes of one name are listed, without the secrets of their arguments") {
  std::string name = fmt::format("ec-twin-{}", getpid());
  std::string script =
      fmt::format("exec -a /opt/{} bash -c 'sleep 60; :' x -p Canary0argument --password=Canary1", name);
  BackgroundProgram one({"bash", "-c", script}), other({"bash", "-c", script});
  ProgramResult result;
  REQUIRE(eventually([&] {
    result = collect({"--name", name});
    return result.err.find("2 processes match; choose one:") != std::string::npos;
  }));
  CAPTURE(result.err);
  CHECK(result.exit_code == 2);
  CHECK(lines_of(result.err) == 3);
  CHECK(result.err.find(fmt::format("--pid {}", one.pid())) != std::string::npos);
  CHECK(result.err.find(fmt::format("--pid {}", other.pid())) != std::string::npos);
  CHECK(result.err.find(" x -p [redacted:") != std::string::npos);
  CHECK(result.err.find("Canary") == std::string::npos);
}

TEST_CASE("what is not there gives one line and exit code 1") {
  TempDir directory;
  write_text(directory / "not-an-archive", "hello\n");
  const std::vector<std::vector<std::string>> cases = {
      {"--pid", "4194304"},
      {"--name", "no-such-program-anywhere"},
      {"--unit", "no-such-unit"},
      {"--port", std::to_string(free_port())},
      {"show", "/no/such/archive.tar.zst"},
      {"verify", directory / "not-an-archive"},
      {"diff", "/no/such/a", "/no/such/b"},
      {"checklist", "--pid", "4194304"},
      {"--pid", std::to_string(getpid()), "-o", "/no/such/folder/x.tar.zst"},
  };
  for (const auto& arguments : cases) {
    auto result = collect(arguments);
    CAPTURE(arguments, result.err);
    CHECK(result.exit_code == 1);
    CHECK(result.out.empty());
    CHECK(lines_of(result.err) == 1);
  }
}

TEST_CASE("help, version, list and runbooks read without a target") {
  auto help = collect({"--help"});
  CHECK(help.exit_code == 0);
  CHECK(help.out.find("--pid") != std::string::npos);
  CHECK(help.out.find("Exit code") != std::string::npos);
  CHECK(help.err.empty());
  CHECK(collect({"--version"}).out.starts_with("emergency-collect "));
  auto list = collect({"list"});
  CHECK(list.out.find("stacks") != std::string::npos);
  CHECK(list.out.find("samples          T3    the run  user stacks") != std::string::npos);
  auto runbooks = collect({"runbook", "list"});
  CHECK(runbooks.exit_code == 0);
  CHECK(runbooks.out.find("fd-exhaustion") != std::string::npos);
  CHECK(collect({"runbook", "show", "fd-exhaustion"}).out.find("## Mitigate now") != std::string::npos);
}

TEST_CASE("standard output carries the page, standard error nothing in a pipe") {
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  TempDir directory;
  auto result = collect(quick(target.pid(), directory.path()));
  CAPTURE(result.err);
  CHECK((result.exit_code == 0 || result.exit_code == 3));
  CHECK(result.err.empty());
  CHECK(result.out.find('\x1b') == std::string::npos);
  CHECK(result.out.find("Archive: ") != std::string::npos);
  std::string archive = directory.find(".tar.zst");
  REQUIRE_FALSE(archive.empty());
  auto verified = collect({"verify", archive});
  CHECK(verified.exit_code == result.exit_code);
  CHECK(run_program({"tar", "--zstd", "-tf", archive}).exit_code == 0);
  CHECK(runs_freely(target.pid()));
}

TEST_CASE("output - streams the archive and nothing else") {
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  TempDir directory;
  auto result = collect(quick(target.pid(), "-"));
  CHECK((result.exit_code == 0 || result.exit_code == 3));
  write_text(directory / "streamed", result.out);
  auto listing = run_program({"tar", "--zstd", "-tf", directory / "streamed"});
  CHECK(listing.exit_code == 0);
  CHECK(listing.err.empty());
  CHECK(listing.out.find("/manifest.json\n") != std::string::npos);
  CHECK(collect({"verify", directory / "streamed"}).exit_code == result.exit_code);
}

TEST_CASE("every format opens with ordinary tools") {
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  struct Case {
    std::string format;
    std::vector<std::string> opener;
  };
  const Case cases[] = {{"tar.zst", {"tar", "--zstd", "-tf"}}, {"tar.gz", {"tar", "-tzf"}}, {"zip", {"unzip", "-tq"}}};
  for (const Case& c : cases) {
    TempDir directory;
    auto arguments = quick(target.pid(), directory.path());
    arguments.insert(arguments.end(), {"--format", c.format});
    collect(arguments);
    std::string archive = directory.find("." + c.format);
    CAPTURE(c.format);
    REQUIRE_FALSE(archive.empty());
    auto opener = c.opener;
    opener.push_back(archive);
    CHECK(run_program(opener).exit_code == 0);
    CHECK(collect({"show", archive}).out.find("idle") != std::string::npos);
  }
}

TEST_CASE("the reader of standard output may leave early") {
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  TempDir directory;
  auto result = run_program({"sh", "-c",
                             std::string(EC_BINARY) + " --pid " + std::to_string(target.pid()) +
                                 " --profile-seconds 0 --endpoint none -o " + directory.path() + " | head -1"});
  CHECK(result.exit_code == 0);
  CHECK_FALSE(directory.find(".tar.zst").empty());
}

TEST_CASE("an interrupt ends the run in order: a partial archive under its final name") {
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  for (int signal : {SIGINT, SIGTERM}) {
    TempDir directory;
    auto arguments = quick(target.pid(), directory.path());
    arguments.insert(arguments.begin(), EC_BINARY);
    BackgroundProgram run(arguments);
    REQUIRE(eventually([&] { return !directory.find(".partial").empty(); }));
    kill(run.pid(), signal);
    int status = 0;
    REQUIRE(waitpid(run.pid(), &status, 0) == run.pid());
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 3);
    std::string archive = directory.find(".tar.zst");
    REQUIRE_FALSE(archive.empty());
    auto manifest = nlohmann::json::parse(collect({"show", archive, "manifest.json"}).out);
    CHECK(manifest["complete"] == false);
    CHECK(runs_freely(target.pid()));
  }
}

TEST_CASE("the archive is private and named after host, program and process") {
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  TempDir directory;
  ProgramSettings settings;
  settings.directory = directory.path();
  settings.in_child = [] { umask(0); };
  collect({"--pid", std::to_string(target.pid()), "--profile-seconds", "0", "--endpoint", "none"}, settings);
  std::string archive = directory.find(".tar.zst");
  REQUIRE_FALSE(archive.empty());
  struct stat status {};
  REQUIRE(stat(archive.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(archive.find("/incident-") != std::string::npos);
  CHECK(archive.find("-idle-" + std::to_string(target.pid()) + "-") != std::string::npos);
  CHECK(directory.find(".partial").empty());
}

TEST_CASE("the page is there before slow parts finish, and what they add follows") {
  BackgroundProgram target({"python3", "-c",
                            "import http.server, time\n"
                            "class Slow(http.server.BaseHTTPRequestHandler):\n"
                            "    def do_GET(self):\n"
                            "        slow = self.path.startswith('/debug/pprof/profile')\n"
                            "        if slow: time.sleep(2)\n"
                            "        found = slow or self.path == '/debug/pprof/'\n"
                            "        body = b\"<a href='goroutine?debug=1'>goroutine</a>\" if found else b'404'\n"
                            "        self.send_response(200 if found else 404)\n"
                            "        self.send_header('Content-Length', str(len(body)))\n"
                            "        self.end_headers()\n"
                            "        self.wfile.write(body)\n"
                            "    def log_message(self, *a): pass\n"
                            "server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Slow)\n"
                            "print('ready', flush=True)\n"
                            "server.serve_forever()"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  TempDir directory;
  BackgroundProgram run(
      {EC_BINARY, "--pid", std::to_string(target.pid()), "--profile-seconds", "1", "-o", directory.path()});
  REQUIRE_FALSE(run.wait_for_line("KEY FIGURES").empty());
  REQUIRE_FALSE(run.wait_for_line("NOT EXAMINED").empty());
  // The run is still going on: its archive is unfinished.
  CHECK_FALSE(directory.find(".partial").empty());
  CHECK_FALSE(run.wait_for_line("Archive: ").empty());
  CHECK(eventually([&] { return !directory.find(".tar.zst").empty(); }));
  std::string archive = directory.find(".tar.zst");
  CHECK(collect({"show", archive, "summary.early.md"}).out.find("Key figures") != std::string::npos);
  CHECK(collect({"show", archive, "raw/last/proc/stat"}).exit_code == 0);
}

TEST_CASE("without room for an archive the page is shown all the same") {
  if (!may_mount()) return not_run_here("needs to mount a tmpfs: root");
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  TempDir directory;
  REQUIRE(mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "nr_inodes=2") == 0);
  write_text(directory / "last-inode", "x");
  auto result = collect(quick(target.pid(), directory.path()));
  umount2(directory.path().c_str(), MNT_DETACH);
  CAPTURE(result.err);
  CHECK(result.exit_code == 1);
  CHECK(result.out.find("idle (pid") != std::string::npos);
  CHECK(result.err.find("no archive was written") != std::string::npos);
}

TEST_CASE("an endpoint that was asked for by name and does not answer makes the archive partial") {
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  TempDir directory;
  std::string url = "http://127.0.0.1:" + std::to_string(free_port());
  auto result = collect(
      {"--pid", std::to_string(target.pid()), "--profile-seconds", "0", "--endpoint", url, "-o", directory.path()});
  CHECK(result.exit_code == 3);
  size_t not_examined = result.out.find("NOT EXAMINED");
  REQUIRE(not_examined != std::string::npos);
  CHECK(result.out.find("Connection refused", not_examined) != std::string::npos);
}

TEST_CASE("standard descriptors that came closed are not mistaken for our own pipes and files") {
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  TempDir usual, directory;
  const int exit_code = collect(quick(target.pid(), usual.path())).exit_code;  // root's archive is complete
  ProgramSettings closed;
  closed.in_child = [] {
    for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(fd);
  };
  CHECK(collect(quick(target.pid(), directory.path()), closed).exit_code == exit_code);
  CHECK(collect({"verify", directory.find(".tar.zst")}).exit_code == exit_code);
  closed.in_child = [] {
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
  };
  auto streamed = collect(quick(target.pid(), "-"), closed);
  CHECK(streamed.exit_code == 1);
  CHECK(streamed.err.find("standard output: cannot write: Bad file descriptor") != std::string::npos);
}

TEST_CASE("a limit on file sizes stops neither the run nor a page that goes to a file") {
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  TempDir directory;
  std::string page = directory / "page";
  ProgramSettings limited;
  limited.in_child = [&page] {
    dup2(open(page.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
    rlimit bytes{1024, 1024};
    setrlimit(RLIMIT_FSIZE, &bytes);
  };
  CHECK(collect(quick(target.pid(), directory.path()), limited).exit_code == 3);
  CHECK(read_text(page).find("idle (pid") == 0);
}

TEST_CASE("an archive that somebody removes while it is written is not called one") {
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  TempDir directory;
  std::vector<std::string> arguments = {EC_BINARY};
  for (auto& argument : quick(target.pid(), directory.path())) arguments.push_back(argument);
  BackgroundProgram collector(arguments);
  REQUIRE(eventually([&] { return !directory.find(".partial").empty(); }));
  REQUIRE(unlink(directory.find(".partial").c_str()) == 0);
  CHECK_FALSE(collector.wait_for_line("no archive was written").empty());
}

TEST_CASE("an endpoint that was asked for by name and answers nothing useful makes the archive partial") {
  struct Case {
    std::string mode, path, says;
  };
  for (const Case& one :
       std::vector<Case>{{"redirect-elsewhere", "", "302 Found to http://example.invalid/debug/pprof/"},
                         {"plain", "/elsewhere", "/elsewhere answers 404, but with nothing"}}) {
    CAPTURE(one.mode);
    BackgroundProgram server({std::string(EC_TARGETS_DIR) + "/fault_http_server", one.mode});
    std::string ready = server.wait_for_line("ready");
    REQUIRE(ready.size() > 6);
    TempDir directory;
    std::string url = "http://127.0.0.1:" + ready.substr(6) + one.path;
    auto result = collect(
        {"--pid", std::to_string(server.pid()), "--profile-seconds", "0", "--endpoint", url, "-o", directory.path()});
    CHECK(result.exit_code == 3);
    CHECK(result.out.find(one.says, result.out.find("NOT EXAMINED")) != std::string::npos);
  }
}

TEST_CASE("a reader of the archive that takes nothing holds up neither the deadline nor an interrupt") {
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  auto run = [&](const std::string& before, const std::string& deadline) {
    std::string command = "{ " + before + EC_BINARY + " --pid " + std::to_string(target.pid()) +
                          " --profile-seconds 0 --endpoint none -o - --deadline " + deadline +
                          " 2>/dev/null; echo ended $? >&2; } | sleep 20";
    BackgroundProgram pipeline({"sh", "-c", command});
    return pipeline.wait_for_line("ended");
  };
  CHECK(run("", "2") == "ended 3");
  CHECK(run("timeout 2 ", "60").starts_with("ended "));
}
