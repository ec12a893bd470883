// Real programs: what they are, and what is odd about them.
#include "collector/collectors/executable.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "collector/collectors/forensics.h"
#include "collector/collectors/known_programs.h"
#include "symbolize/elf_identity.h"
#include "symbolize/symbolizer.h"
#include "tests/live/files_sink.h"
#include "tests/support/place.h"
#include "tests/support/program.h"

using namespace ec;
using namespace ec::test;

namespace {

Snapshot look_at(pid_t pid) {
  StoreSink sink;
  for (const char* file : {"maps", "environ", "status"})
    sink.file(fmt::format("raw/proc/{}/{}", pid, file), fmt::format("/proc/{}/{}", pid, file));
  Snapshot snapshot =
      collected(pid, {{gather_executable, parse_executable}, {gather_forensics, parse_forensics}}, {}, std::move(sink));
  REQUIRE(snapshot.executable);
  REQUIRE(snapshot.forensics);
  return snapshot;
}

std::vector<std::string> kinds(const Snapshot& snapshot) {
  std::vector<std::string> all;
  for (const ForensicFact& fact : *snapshot.forensics) all.push_back(fact.kind);
  return all;
}

const ForensicFact* fact_of(const Snapshot& snapshot, const std::string& kind) {
  for (const ForensicFact& fact : *snapshot.forensics)
    if (fact.kind == kind) return &fact;
  return nullptr;
}

std::string output_line(const std::vector<std::string>& argv) {
  std::string text = run_program(argv).out;
  return text.substr(0, text.find('\n'));
}

// "redis-server 5:7.0.15-1" as dpkg tells it.
std::string package_of(const std::string& file) {
  std::string owner = output_line({"dpkg", "-S", file});
  owner = owner.substr(0, owner.find(": "));
  std::string version = output_line({"dpkg-query", "-W", "-f", "${Version}", owner});
  return owner.substr(0, owner.find(':')) + " " + version;
}

std::string copy_of_sleep(const TempDir& folder) {
  std::filesystem::copy_file("/usr/bin/sleep", folder / "sleeper");
  return folder / "sleeper";
}

// Until the fork has become the program.
bool runs(const BackgroundProgram& program, const std::string& path) {
  return eventually([&] {
    auto link = read_link(fmt::format("/proc/{}/exe", program.pid()));
    return link && link->starts_with(path);
  });
}

}  // namespace

TEST_CASE("redis: product, package, build id") {
  TempDir folder;
  BackgroundProgram redis({"/usr/bin/redis-server", "--port", "0", "--unixsocket", folder / "redis.sock", "--dir",
                           folder.path(), "--save", ""});
  REQUIRE_FALSE(redis.wait_for_line("ready to accept connections").empty());
  Snapshot snapshot = look_at(redis.pid());
  const Executable& executable = *snapshot.executable;
  CHECK(executable.package == package_of(executable.path));
  std::string version = output_line({"redis-server", "--version"});  // "Redis server v=7.0.15 sha=…"
  version = version.substr(version.find("v=") + 2);
  CHECK(executable.product == "Redis " + version.substr(0, version.find(' ')));
  CHECK(executable.language == "C/C++");
  CHECK(executable.build_id.size() == 40);
  CHECK(executable.interpreter.find("ld-linux") != std::string::npos);
  CHECK(executable.position_independent);
  CHECK_FALSE(executable.static_linked);
  CHECK_FALSE(executable.deleted);
  CHECK_FALSE(executable.replaced);
  CHECK(executable.changed_libraries.empty());
}

TEST_CASE("nginx: the version stands in the file") {
  TempDir folder;
  write_text(folder / "nginx.conf",
             fmt::format("daemon off; master_process off; pid {0}/pid; error_log {0}/log notice; events {{}}\n",
                         folder.path()));
  BackgroundProgram nginx({"/usr/sbin/nginx", "-c", folder / "nginx.conf", "-e", folder / "log"});
  REQUIRE(runs(nginx, "/usr/sbin/nginx"));
  Snapshot snapshot = look_at(nginx.pid());
  std::string version = run_program({"nginx", "-v"}).err;  // "nginx version: nginx/1.22.1"
  version = version.substr(version.find('/') + 1);
  CHECK(snapshot.executable->product == "nginx " + version.substr(0, version.find_first_of(" \n")));
  CHECK(snapshot.executable->package == package_of("/usr/sbin/nginx"));
}

TEST_CASE("PostgreSQL: its own version, not one that a message mentions") {
  std::string path = output_line({"sh", "-c", "ls /usr/lib/postgresql/*/bin/postgres | tail -1"});
  auto fd = open_regular(-1, path);
  REQUIRE(fd);
  auto elf = ElfFile::open(ByteSource(path, std::move(*fd)));
  REQUIRE(elf);
  ProgramFacts facts;
  facts.path = path;
  std::vector<std::string> needles = version_needles(path);
  for (const FoundText& found : find_text(*elf, {needles.begin(), needles.end()}, 64u << 20, 16))
    facts.texts.push_back(found.text);
  std::string version = output_line({path, "--version"});  // "postgres (PostgreSQL) 15.18 (Debian …)"
  version = version.substr(version.find(") ") + 2);
  CHECK(product_of(facts) == "PostgreSQL " + version.substr(0, version.find(' ')));
}

TEST_CASE("interpreters: language and version") {
  struct Case {
    std::vector<std::string> run, ask;  // ask: prints the version
    std::string language;
  };
  const std::string print_ready_and_wait = "import sys,time; print('ready', flush=True); time.sleep(60)";
  const std::vector<Case> cases{
      {{"/usr/bin/python3", "-c", print_ready_and_wait},
       {"/usr/bin/python3", "-c", "import platform; print(platform.python_version())"},
       "CPython "},
      {{"perl", "-e", "$|=1; print qq(ready\\n); sleep 60"}, {"perl", "-e", "printf(qq(%vd\\n), $^V)"}, "Perl "},
      {{"node", "-e", "console.log('ready'); setTimeout(()=>0, 60000)"},
       {"node", "-e", "console.log(process.versions.node)"},
       "Node "},
  };
  for (const Case& one : cases) {
    CAPTURE(one.run[0]);
    BackgroundProgram program(one.run);
    REQUIRE_FALSE(program.wait_for_line("ready").empty());
    CHECK(look_at(program.pid()).executable->language == one.language + output_line(one.ask));
  }
}

TEST_CASE("the JVM: version from the release file beside it") {
  TempDir folder;
  write_text(
      folder / "Wait.java",
      "public class Wait { public static void main(String[] a) throws Exception { System.out.println(\"ready \" + "
      "System.getProperty(\"java.version\")); Thread.sleep(60000); } }");
  BackgroundProgram java({"java", "-Xmx64m", folder / "Wait.java"});
  std::string ready = java.wait_for_line("ready");
  REQUIRE_FALSE(ready.empty());
  Snapshot snapshot = look_at(java.pid());
  CHECK(snapshot.executable->language == "JVM " + ready.substr(ready.find(' ') + 1));
  // The code cache is writable and executable, which is no news there.
  for (const ForensicFact& fact : *snapshot.forensics) {
    CAPTURE(fact.subject, fact.detail);
    if (fact.kind == "writable-executable-mapping") CHECK(fact.severity == "info");
  }
}

TEST_CASE("a stripped Go program tells its version, module and functions") {
  TempDir folder;
  write_text(folder / "go.mod", "module example.com/parked\n\ngo 1.19\n");
  write_text(folder / "main.go", R"(package main
import "os"
//go:noinline
func parked() { var b [1]byte; os.Stdout.WriteString("ready\n"); os.Stdin.Read(b[:]); select {} }
func main() { parked() }
)");
  ProgramSettings there;
  there.directory = folder.path();
  there.timeout = std::chrono::seconds(150);
  for (const char* mode : {"exe", "pie"}) {
    CAPTURE(mode);
    std::string build_mode = std::string("-buildmode=") + mode;
    auto full = run_program({"go", "build", build_mode, "-o", "full", "."}, there);
    CAPTURE(full.err);
    REQUIRE(full.exit_code == 0);
    REQUIRE(run_program({"go", "build", build_mode, "-ldflags=-s -w", "-o", "parked", "."}, there).exit_code == 0);
    ProgramSettings with_input = there;
    with_input.in_child = [] {
      int ends[2];
      if (::pipe(ends) == 0) ::dup2(ends[0], 0);
    };
    BackgroundProgram program({folder / "parked"}, with_input);
    REQUIRE_FALSE(program.wait_for_line("ready").empty());
    Snapshot snapshot = look_at(program.pid());
    std::string version = output_line({"go", "env", "GOVERSION"}).substr(2);
    CHECK(snapshot.executable->go_version == version);
    CHECK(snapshot.executable->language == "Go " + version);
    CHECK(snapshot.executable->go_module == "example.com/parked");
    CHECK(snapshot.executable->go_settings.at("GOOS") == "linux");
    CHECK(snapshot.executable->stripped);
    CHECK(snapshot.executable->position_independent == (mode == std::string("pie")));

    std::string address = run_program({"sh", "-c", "nm full | awk '$3 == \"main.parked\" {print $1}'"}, there).out;
    Symbolizer symbolizer(-1);
    UniqueFd fd(::open((folder / "parked").c_str(), O_RDONLY | O_CLOEXEC));
    uint32_t module = symbolizer.add_module({folder / "parked", 0, 0, 0, fd.get(), {}});
    CHECK(symbolizer.name(module, std::stoull(address, nullptr, 16) + 9).name == "main.parked");
  }
}

TEST_CASE("an executable that was deleted or replaced since the start") {
  TempDir folder;
  std::string file = copy_of_sleep(folder);
  BackgroundProgram program({file, "60"});
  REQUIRE(runs(program, file));
  Snapshot before = look_at(program.pid());
  CHECK_FALSE(before.executable->deleted);
  CHECK_FALSE(before.executable->replaced);

  std::filesystem::remove(file);
  Snapshot deleted = look_at(program.pid());
  CHECK(deleted.executable->path == file);
  CHECK(deleted.executable->deleted);
  CHECK_FALSE(deleted.executable->replaced);
  CHECK(deleted.executable->build_id == before.executable->build_id);  // still read through /proc/PID/exe
  CHECK(fact_of(deleted, "deleted-executable") != nullptr);

  copy_of_sleep(folder);
  Snapshot replaced = look_at(program.pid());
  CHECK(replaced.executable->replaced);
  CHECK_FALSE(replaced.executable->deleted);
  CHECK(fact_of(replaced, "replaced-executable") != nullptr);

  // Another process sees it too.
  BackgroundProgram other({"sleep", "60"});
  REQUIRE(runs(other, "/"));
  Snapshot host = look_at(other.pid());
  auto vanished = std::find_if(host.forensics->begin(), host.forensics->end(), [&](const ForensicFact& fact) {
    return fact.kind == "vanished-executable" && fact.subject == file;
  });
  REQUIRE(vanished != host.forensics->end());
  CHECK(vanished->detail.starts_with(fmt::format("sleeper (pid {}): ", program.pid())));
  CHECK(vanished->severity == "medium");  // it lay in a temporary folder
}

TEST_CASE("a library that was replaced since it was mapped") {
  TempDir folder;
  write_text(folder / "thing.c", "int thing(void) { return 7; }\n");
  write_text(folder / "main.c",
             "#include <stdio.h>\n#include <unistd.h>\nint thing(void);\nint main(void) { printf(\"ready %d\\n\", "
             "thing()); fflush(stdout); pause(); }\n");
  ProgramSettings there;
  there.directory = folder.path();
  REQUIRE(run_program({"cc", "-shared", "-fPIC", "-o", "libthing.so", "thing.c"}, there).exit_code == 0);
  REQUIRE(
      run_program({"cc", "-o", "main", "main.c", "-L.", "-lthing", "-Wl,-rpath," + folder.path()}, there).exit_code ==
      0);
  BackgroundProgram program({folder / "main"});
  REQUIRE_FALSE(program.wait_for_line("ready 7").empty());
  CHECK(look_at(program.pid()).executable->changed_libraries.empty());
  REQUIRE(run_program({"cc", "-shared", "-fPIC", "-o", "new.so", "thing.c"}, there).exit_code == 0);
  std::filesystem::rename(folder / "new.so", folder / "libthing.so");
  CHECK(look_at(program.pid()).executable->changed_libraries == std::vector<std::string>{folder / "libthing.so"});
}

TEST_CASE("a target in a chroot is seen through its own root") {
  if (!may_change_root()) return not_run_here("needs chroot: root");
  TempDir folder;
  std::filesystem::create_directories(folder / "bin");
  write_text(folder / "main.c", "#include <unistd.h>\nint main(void) { write(1, \"ready\\n\", 6); pause(); }\n");
  REQUIRE(run_program({"cc", "-static", "-o", folder / "bin/main", folder / "main.c"}).exit_code == 0);
  std::filesystem::create_directories(folder / "var/lib/dpkg/info");
  write_text(folder / "var/lib/dpkg/info/jailed.list", "/.\n/bin\n/bin/main\n");
  write_text(folder / "var/lib/dpkg/status", "Package: jailed\nStatus: install ok installed\nVersion: 1.2-3\n\n");
  ProgramSettings jail;
  std::string root = folder.path();
  jail.in_child = [root] {
    if (::chroot(root.c_str()) != 0 || ::chdir("/") != 0) ::_exit(99);
  };
  BackgroundProgram program({"/bin/main"}, jail);
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  Snapshot snapshot = look_at(program.pid());
  CHECK(snapshot.executable->path == "/bin/main");
  CHECK(snapshot.executable->package == "jailed 1.2-3");
  CHECK(snapshot.executable->static_linked);
  CHECK_FALSE(snapshot.executable->deleted);
  CHECK_FALSE(snapshot.executable->replaced);
}

TEST_CASE("forensics: code from memory, writable code, preloaded libraries") {
  const std::string script = R"(
import mmap, os, time
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
fd = os.memfd_create("payload")
os.truncate(fd, 4096)
hidden = mmap.mmap(fd, 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC)
print("ready", flush=True)
time.sleep(60)
)";
  TempDir folder;
  write_text(folder / "hook.c", "int hooked;\n");
  REQUIRE(run_program({"cc", "-shared", "-fPIC", "-o", folder / "hook.so", folder / "hook.c"}).exit_code == 0);
  ProgramSettings settings;
  settings.environment = {"LD_PRELOAD=" + (folder / "hook.so")};
  BackgroundProgram program({"/usr/bin/python3", "-c", script}, settings);
  REQUIRE_FALSE(program.wait_for_line("ready").empty());
  Snapshot snapshot = look_at(program.pid());
  const ForensicFact* writable = fact_of(snapshot, "writable-executable-mapping");
  REQUIRE(writable != nullptr);
  CHECK(writable->artifact == fmt::format("raw/proc/{}/maps", program.pid()));
  CHECK(writable->locator.starts_with("line "));
  const ForensicFact* memory = fact_of(snapshot, "memfd-mapping");
  REQUIRE(memory != nullptr);
  CHECK(memory->subject == "/memfd:payload");
  const ForensicFact* preload = fact_of(snapshot, "preload");
  REQUIRE(preload != nullptr);
  CHECK(preload->subject == folder / "hook.so");
  CHECK(preload->severity == "medium");
  const ForensicFact* place = fact_of(snapshot, "writable-place-mapping");
  REQUIRE(place != nullptr);
  CHECK(place->subject == folder / "hook.so");
}

TEST_CASE("forensics: a program that runs from memory") {
  const std::string script = R"(
import os
fd = os.memfd_create("ghost")
os.write(fd, open("/usr/bin/sleep", "rb").read())
os.execve(f"/proc/self/fd/{fd}", ["sleep", "60"], {})
)";
  BackgroundProgram program({"/usr/bin/python3", "-c", script});
  REQUIRE(runs(program, "/memfd:ghost"));
  Snapshot snapshot = look_at(program.pid());
  CHECK(snapshot.executable->path == "/memfd:ghost");
  CHECK(snapshot.executable->deleted);
  CHECK(snapshot.executable->build_id.size() == 40);
  CHECK(fact_of(snapshot, "memfd-executable") != nullptr);
}

TEST_CASE("what hung before is left out, and the rest is still told") {
  struct HungSink : StoreSink {
    bool hung_before(std::string_view what) const override {
      return what.ends_with("/exe") || what.ends_with("/libc.so.6");
    }
  };
  BackgroundProgram program({"/usr/bin/sleep", "60"});
  REQUIRE(runs(program, "/usr/bin/sleep"));
  auto target = identify(program.pid());
  REQUIRE(target);
  RunOptions options;
  HungSink sink;
  sink.run(gather_executable, &*target, options);
  for (const Section& section : sink.store.bundle(kExecutableBundle)) {
    CHECK(section.name != "exe/comment");
    if (section.name == "exe/elf") CHECK(section.error.code == ErrorCode::kTimeout);
    if (section.name == "libraries") CHECK(section.bytes.find("libc.so.6") == std::string_view::npos);
  }
  Snapshot snapshot;
  parse_executable(sink.store, snapshot);
  REQUIRE(snapshot.executable);
  CHECK(snapshot.executable->package.starts_with("coreutils "));  // listed as /bin/sleep since /bin became a link
  CHECK(snapshot.executable->build_id == "");
}

TEST_CASE("forensics: nothing is odd about a plain program") {
  BackgroundProgram program({"/usr/bin/sleep", "60"});
  REQUIRE(runs(program, "/usr/bin/sleep"));
  for (const std::string& kind : kinds(look_at(program.pid()))) CHECK(kind == "vanished-executable");  // others' only
}
