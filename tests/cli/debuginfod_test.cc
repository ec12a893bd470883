// --debuginfod: from a server on the loopback interface, which is python's for files, and debuginfod itself where it is
// installed.
#include <fmt/format.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "tests/support/place.h"
#include "tests/support/program.h"
#include "tests/unit/symbolize/built_program.h"

using namespace ec::test;

namespace {

// A stripped program, its debug file apart, and what a server has under the right addresses.
struct Served {
  TempDir folder;
  std::string build_id, address;
  int port = free_port();
  ProgramSettings settings;

  Served() {
    write_file(folder / "prog.c",
               "int deep(int a) { return a * 3; }\nint main(int c, char** v) { (void)v; return deep(c); }\n");
    REQUIRE(
        run("cd " + folder.path() +
            " && gcc -O0 -g -o whole prog.c && objcopy --only-keep-debug whole debug && cp whole prog && strip prog"));
    build_id = output_of("readelf -n " + folder / "prog" + " | sed -n 's/.*Build ID: //p' | tr -d '\\n'");
    REQUIRE(build_id.size() == 40);
    address = output_of("nm " + folder / "whole" + " | sed -n 's/ T deep//p' | tr -d '\\n'");
    REQUIRE(run("mkdir -p " + folder / "www/buildid" + "/" + build_id));
    settings.environment = {"DEBUGINFOD_CACHE_PATH=" + folder / "cache", fmt::format("DEBUGINFOD_URLS={}", url())};
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", port); }
  std::string cached() const { return folder / "cache/" + build_id + "/debuginfo"; }
  void serve(const std::string& file) const {
    REQUIRE(run("cp " + file + " " + folder / "www/buildid" + "/" + build_id + "/debuginfo"));
  }
  std::vector<std::string> server() const {
    return {"python3", "-u", "-m", "http.server", std::to_string(port), "--bind", "127.0.0.1", "-d", folder / "www"};
  }
  ProgramResult ask(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"symbolize", "--exe", folder / "prog", address};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return collect(arguments, settings);
  }
};

bool is_there(const std::string& path) {
  struct stat about {};
  return stat(path.c_str(), &about) == 0;
}

}  // namespace

TEST_CASE("a debug file comes from the server that was named, once, and from no other") {
  Served target;
  target.serve(target.folder / "debug");
  {
    BackgroundProgram server(target.server());
    REQUIRE(!server.wait_for_line("Serving HTTP").empty());
    // $DEBUGINFOD_URLS alone asks nobody.
    CHECK(target.ask().out.find("deep") == std::string::npos);
    CHECK_FALSE(is_there(target.folder / "cache"));

    auto result = target.ask({"--debuginfod", target.url()});
    CAPTURE(result.out, result.err);
    CHECK(result.exit_code == 0);
    CHECK(result.err.empty());
    CHECK(result.out.find("deep+0x0  " + target.folder / "prog.c:1") != std::string::npos);
    CHECK(is_there(target.cached()));
  }
  // The server is gone.
  CHECK(target.ask({"--debuginfod", target.url()}).out.find("deep+0x0") != std::string::npos);
  CHECK(target.ask({"--debug-dir", target.folder / "cache"}).out.find("deep+0x0") != std::string::npos);
}

TEST_CASE("what a server does not have, and what is another file, is told and not used") {
  Served target;
  BackgroundProgram server(target.server());
  REQUIRE(!server.wait_for_line("Serving HTTP").empty());
  auto missing = target.ask({"--debuginfod", target.url()});
  CHECK(missing.err.find(target.url() + ": debuginfo: 404") != std::string::npos);

  REQUIRE(run("cd " + target.folder.path() + " && sed 's/3/4/' prog.c > other.c && gcc -g -o other other.c"));
  target.serve(target.folder / "other");
  auto other = target.ask({"--debuginfod", target.url()});
  CHECK(other.err.find("has the build id") != std::string::npos);
  write_file(target.folder / "page.html", "<html>log in first</html>");
  target.serve(target.folder / "page.html");
  auto page = target.ask({"--debuginfod", target.url()});
  CHECK(page.err.find("no ELF file") != std::string::npos);
  for (const ProgramResult& result : {missing, other, page}) {
    CHECK(result.exit_code == 0);
    CHECK(result.out.find("deep") == std::string::npos);
  }
  CHECK_FALSE(is_there(target.cached()));
  CHECK(target.ask({"--debuginfod", "ftp://x"}).exit_code == 2);
}

TEST_CASE("a server that never answers ends at the deadline") {
  Served target;
  BackgroundProgram server({"python3", "-u", "-c",
                            fmt::format("import socket\ns = socket.create_server(('127.0.0.1', {}))\nprint('ready')\n"
                                        "while True: keep = s.accept()",
                                        target.port)});
  REQUIRE(server.wait_for_line("ready") == "ready");
  auto result = target.ask({"--debuginfod", target.url(), "--deadline", "1"});
  CHECK(result.exit_code == 0);
  CHECK(!result.timed_out);
  CHECK(!result.err.empty());
}

TEST_CASE("a server is asked while collecting only when it is named, and when the archive is there") {
  Served target;
  write_file(target.folder / "idle.c",
             "#include <unistd.h>\n#include <stdio.h>\nstatic int lull(void) { puts(\"ready\"); "
             "fflush(stdout); while (1) pause(); }\nint main(void) { return lull(); }\n");
  REQUIRE(
      run("cd " + target.folder.path() +
          " && gcc -O0 -g -o whole idle.c && objcopy --only-keep-debug whole debug && cp whole prog && strip prog"));
  target.build_id = output_of("readelf -n " + target.folder / "prog" + " | sed -n 's/.*Build ID: //p' | tr -d '\\n'");
  REQUIRE(run("mkdir -p " + target.folder / "www/buildid" + "/" + target.build_id));
  target.serve(target.folder / "debug");
  BackgroundProgram idle({target.folder / "prog"});
  REQUIRE(idle.wait_for_line("ready") == "ready");
  auto collected = [&](const std::string& name, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{
        "--pid", std::to_string(idle.pid()),       "--only", "threads,stacks", "--endpoint", "none", "-q",
        "-o",    target.folder / name + ".tar.zst"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return collect(arguments, target.settings);
  };
  auto stacks = [&](const std::string& name) {
    return collect({"show", target.folder / name, "threads/stacks.txt"}).out;
  };
  // Nobody is there to be asked: the archive is as good as without.
  auto alone = collected("alone", {"--debuginfod", target.url()});
  CAPTURE(alone.out, alone.err);
  CHECK(alone.exit_code == 0);
  CHECK(collect({"verify", target.folder / "alone.tar.zst"}).exit_code == 0);

  BackgroundProgram server(target.server());
  REQUIRE(!server.wait_for_line("Serving HTTP").empty());
  CHECK(collected("silent", {}).exit_code == 0);
  CHECK_FALSE(is_there(target.cached()));
  CHECK_FALSE(is_there(target.folder / "silent.symbolized.tar.zst"));
  auto named = collected("named", {"--debuginfod", target.url()});
  CHECK(named.exit_code == 0);
  CHECK(stacks("named.tar.zst").find("idle.c:3") == std::string::npos);
  CHECK(stacks("named.symbolized.tar.zst").find("idle.c:3") != std::string::npos);
  CHECK(collected("x", {"--debuginfod", "ftp://x"}).exit_code == 2);
}

TEST_CASE("an archive gets its names from debuginfod itself") {
  if (!run("command -v debuginfod")) return not_run_here("needs the package debuginfod");
  Served target;
  write_file(target.folder / "idle.c",
             "#include <unistd.h>\n#include <stdio.h>\nstatic int lull(void) { puts(\"ready\"); "
             "fflush(stdout); while (1) pause(); }\nint main(void) { return lull(); }\n");
  REQUIRE(run("cd " + target.folder.path() +
              " && mkdir files && gcc -O0 -g -o whole idle.c && objcopy --only-keep-debug whole files/idle.debug && "
              "cp whole idle && strip idle"));
  std::string archive = target.folder / "a.tar.zst";
  {
    BackgroundProgram idle({target.folder / "idle"});
    REQUIRE(idle.wait_for_line("ready") == "ready");
    REQUIRE(collect({"--pid", std::to_string(idle.pid()), "--only", "threads,stacks", "--endpoint", "none", "-q", "-o",
                     archive})
                .exit_code == 0);
  }
  BackgroundProgram server({"debuginfod", "-v", "-p", std::to_string(target.port), "-d", target.folder / "index.sqlite",
                            "-F", target.folder / "files"});
  ProgramResult result;
  CHECK(eventually([&] {
    result = collect({"symbolize", archive, "--debuginfod", target.url()}, target.settings);
    return result.exit_code == 0;
  }));
  CAPTURE(result.out, result.err);
  CHECK(collect({"show", target.folder / "a.symbolized.tar.zst", "threads/stacks.txt"}).out.find("idle.c:3") !=
        std::string::npos);
}
