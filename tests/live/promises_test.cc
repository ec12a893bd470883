// The promises of the design, each tried on the whole program. (2, the pause, is measured in stacks_test.cc; 3, what
// hangs, in hung_mount_test.cc and endpoint_test.cc; 8, the empty root, in static_test.)
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "collector/profile/gzip.h"
#include "tests/support/place.h"
#include "tests/support/profile_bytes.h"
#include "tests/support/program.h"

using namespace ec::test;
using nlohmann::json;

namespace {

std::string target_program(const std::string& name) { return std::string(EC_TARGETS_DIR) + "/" + name; }

std::vector<std::string> quick(pid_t pid, const std::string& output) {
  return {"--pid", std::to_string(pid), "--profile-seconds", "0", "--endpoint", "none", "-o", output};
}

std::string artifact(const std::string& archive, const std::string& name) {
  return collect({"show", archive, name}).out;
}

// The whole archive, unpacked by plain tar, as one text.
std::string unpacked(const std::string& archive, const TempDir& where) {
  run_program({"tar", "--zstd", "-xf", archive, "-C", where.path()});
  std::string all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(where.path()))
    if (entry.is_regular_file()) all += entry.path().string() + "\n" + read_text(entry.path().string()) + "\n";
  return all;
}

std::chrono::milliseconds random_delay(std::mt19937& random, int most) {
  return std::chrono::milliseconds(std::uniform_int_distribution<int>(0, most)(random));
}

}  // namespace

TEST_CASE("1: killed at any moment, the collector leaves a running target (4: and a readable archive)") {
  BackgroundProgram target({target_program("idle"), "50"});
  target.wait_for_line("ready");
  std::mt19937 random(1);
  int readable = 0;
  for (int round = 0; round < 25; ++round) {
    TempDir directory;
    auto arguments = quick(target.pid(), directory.path());
    arguments.insert(arguments.begin(), EC_BINARY);
    if (round % 2) arguments.insert(arguments.end(), {"--stacks", "consistent"});
    {
      BackgroundProgram run(arguments);
      std::this_thread::sleep_for(random_delay(random, 500));
      run.kill_and_reap(SIGKILL);
    }
    REQUIRE(eventually([&] { return runs_freely(target.pid()); }));
    std::string archive = directory.find(".partial");
    if (archive.empty()) archive = directory.find(".tar.zst");
    if (archive.empty() || std::filesystem::file_size(archive) == 0) continue;
    auto verified = collect({"verify", archive});
    CAPTURE(verified.out, verified.err);
    CHECK((verified.exit_code == 3 || verified.exit_code == 0));
    CHECK(verified.out.find("problem:") == std::string::npos);
    if (verified.out.find(": 0 artifacts, ") != std::string::npos) continue;  // killed before the first was in
    auto listing = run_program({"tar", "--zstd", "-tf", archive});
    CHECK(listing.out.find("/raw/run\n") != std::string::npos);
    auto shown = collect({"show", archive});
    CHECK(shown.out.find("idle") != std::string::npos);
    ++readable;
  }
  CHECK(readable > 5);
}

TEST_CASE("4: a destination that fills up keeps summary and manifest, and says which device is full") {
  if (!may_mount()) return not_run_here("needs to mount a tmpfs: root");
  BackgroundProgram target({target_program("idle"), "300"});
  target.wait_for_line("ready");
  for (const char* size : {"32k", "200k", "1m"}) {
    TempDir directory;
    REQUIRE(mount("tmpfs", directory.path().c_str(), "tmpfs", 0, (std::string("size=") + size).c_str()) == 0);
    std::string filler = directory / "filler";
    if (std::string(size) == "1m") write_text(filler, std::string(700 * 1024, 'x'));
    auto result = collect(quick(target.pid(), directory.path()));
    CAPTURE(size, result.out, result.err);
    CHECK_FALSE(result.timed_out);
    // Either everything fitted, or the archive says what did not, or there is none and the page was shown all the same.
    CHECK((result.exit_code == 3 || result.exit_code == 0 || result.exit_code == 1));
    CHECK(result.out.find("idle") != std::string::npos);
    std::string archive = directory.find(".tar.zst");
    if (!archive.empty()) {
      CHECK(collect({"verify", archive}).out.find("problem:") == std::string::npos);
      CHECK(artifact(archive, "summary.md").find("idle") != std::string::npos);
      auto manifest = json::parse(artifact(archive, "manifest.json"));
      for (const auto& row : manifest["artifacts"])
        if (row["status"] == "failed" && row["reason"].get<std::string>().find("No space") != std::string::npos)
          CHECK(row["reason"].get<std::string>().find(directory.path()) != std::string::npos);
    } else {
      CHECK(result.err.find(directory.path()) != std::string::npos);
    }
    umount2(directory.path().c_str(), MNT_DETACH);
  }
}

TEST_CASE("5: an ordinary user gets an archive that says what is missing and why") {
  if (!is_root() || !may_become_nobody()) return not_run_here("needs a second user: root");
  BackgroundProgram target({target_program("idle"), "5"});
  target.wait_for_line("ready");
  TempDir directory;
  chmod(directory.path().c_str(), 0777);
  ProgramSettings as_nobody;
  as_nobody.in_child = [] {
    if (setgid(65534) != 0 || setuid(65534) != 0) _exit(125);
  };
  TempDir binary;
  chmod(binary.path().c_str(), 0755);
  auto arguments = quick(target.pid(), directory.path());
  arguments.insert(arguments.begin(), binary_for_everyone(binary.path()));
  auto result = run_program(arguments, as_nobody);
  CAPTURE(result.out, result.err);
  CHECK(result.exit_code == 3);
  std::string archive = directory.find(".tar.zst");
  REQUIRE_FALSE(archive.empty());
  auto manifest = json::parse(artifact(archive, "manifest.json"));
  int with_fix = 0;
  for (const auto& row : manifest["artifacts"]) {
    if (row["status"] != "ok") CHECK_FALSE(row["reason"].get<std::string>().empty());
    if (row["status"] == "failed" && !row["fix"].get<std::string>().empty()) ++with_fix;
  }
  CHECK(with_fix > 3);
  auto summary = json::parse(artifact(archive, "summary.json"));
  CHECK_FALSE(summary["not_examined"].empty());
  CHECK(result.out.find("CAP_SYS_PTRACE") != std::string::npos);
}

TEST_CASE("5: in a user namespace without capabilities, and as root without them, the run ends with an archive") {
  BackgroundProgram target({target_program("idle"), "5"});
  target.wait_for_line("ready");
  std::vector<std::vector<std::string>> ways;
  if (user_namespaces_work()) ways.push_back({"unshare", "--user", "--map-user=1000"});
  if (is_root()) ways.push_back({"setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"});
  if (ways.empty()) return not_run_here("needs root or user namespaces");
  for (auto way : ways) {
    TempDir directory;
    chmod(directory.path().c_str(), 0777);
    way.insert(way.end(), {binary_for_everyone(directory.path()), "--pid", std::to_string(target.pid()),
                           "--profile-seconds", "0", "--endpoint", "none", "-o", directory.path()});
    auto result = run_program(way);
    CAPTURE(way, result.out, result.err);
    CHECK((result.exit_code == 3 || result.exit_code == 0));
    CHECK_FALSE(directory.find(".tar.zst").empty());
    CHECK(runs_freely(target.pid()));
  }
}

TEST_CASE("6: no planted secret is in the archive, on the screen or in our own arguments") {
  const std::string canary = "c4n4ryS3cr3tV4lue";
  TempDir directory, logs;
  BackgroundProgram neighbour({"sleep", "1000", "--password=" + canary + "2"},
                              {.directory = "", .environment = {}, .timeout = {}, .in_child = {}});
  ProgramSettings settings;
  settings.environment = {"DB_PASSWORD=" + canary + "1", "AWS_SECRET_ACCESS_KEY=" + canary + "3",
                          "HARMLESS=" + canary + "4", "DATABASE_URL=postgres://bob:" + canary + "5@db/x"};
  BackgroundProgram target({"python3", "-c",
                            "import sys,time\n"
                            "log = open('" +
                                (logs / "app.log") +
                                "', 'a')\n"
                                "log.write('ERROR login failed password=" +
                                canary +
                                "6\\n')\n"
                                "log.write('GET /x HTTP/1.1 Authorization: Bearer " +
                                canary +
                                "7\\n')\n"
                                "log.write('url https://u:" +
                                canary + "8@example.org/ token=" + canary +
                                "9\\n')\n"
                                "log.flush()\nprint('ready', flush=True)\ntime.sleep(1000)",
                            "--token", canary + "a", "--api-key=" + canary + "b"},
                           settings);
  target.wait_for_line("ready");
  std::string output = directory.path();
  auto result = collect(quick(target.pid(), output));
  CAPTURE(result.exit_code, result.err);
  CHECK(result.out.find(canary) == std::string::npos);
  CHECK(result.err.find(canary) == std::string::npos);
  std::string archive = directory.find(".tar.zst");
  REQUIRE_FALSE(archive.empty());
  TempDir where;
  std::string all = unpacked(archive, where);
  CHECK(all.size() > 10000);
  // The python program itself stands in an argument of the target: its text is searched like everything else.
  for (size_t at = all.find(canary); at != std::string::npos; at = all.find(canary, at + 1)) {
    FAIL_CHECK(all.substr(at > 160 ? at - 160 : 0, 200));
    if (at > 0) break;
  }
  auto manifest = json::parse(artifact(archive, "manifest.json"));
  uint64_t redactions = 0;
  for (const auto& row : manifest["artifacts"]) redactions += row["redactions"].get<uint64_t>();
  CHECK(redactions >= 8);
  // Names stay.
  CHECK(artifact(archive, "process/environ").find("DB_PASSWORD=") != std::string::npos);
}

TEST_CASE("6: no secret in a profile of the target is in the archive, unless --no-redact keeps it as served") {
  const std::string canary = "c4n4ryS3cr3tV4lue";
  ProfileBytes profile;
  profile.sample({{"api_key", canary + "1"}, {"user", "bob"}})
      .function("main.main", "https://bob:" + canary + "2@example.org/main.go")
      .comment("./svc --listen :80 --db-password " + canary + "3");
  std::string served = ec::gzip(profile.whole());
  TempDir files;
  write_text(files / "profile.pb.gz", served);
  BackgroundProgram target({target_program("fault_http_server"), "normal", files / "profile.pb.gz"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  for (bool redact : {true, false}) {
    TempDir directory;
    std::vector<std::string> arguments{"--pid",         std::to_string(target.pid()), "--profile-seconds", "0", "-o",
                                       directory.path()};
    if (!redact) arguments.push_back("--no-redact");
    auto result = collect(arguments);
    CAPTURE(redact, result.exit_code, result.err);
    std::string archive = directory.find(".tar.zst");
    REQUIRE_FALSE(archive.empty());
    auto manifest = json::parse(artifact(archive, "manifest.json"));
    auto heap = std::find_if(manifest["artifacts"].begin(), manifest["artifacts"].end(),
                             [](const json& row) { return row["path"].get<std::string>().ends_with("/heap.pb.gz"); });
    REQUIRE(heap != manifest["artifacts"].end());
    CHECK((*heap)["status"] == "ok");
    CHECK((*heap)["redactions"] == (redact ? 3 : 0));
    std::string stored = artifact(archive, (*heap)["path"]);
    std::string content = ec::gunzip("heap", stored, 1 << 20).value();
    CHECK(content.find("--listen :80") != std::string::npos);
    if (redact)
      CHECK(content.find(canary) == std::string::npos);
    else
      CHECK(stored == served);
  }
}

TEST_CASE("6: --no-redact keeps them, and says so") {
  TempDir directory;
  ProgramSettings settings;
  settings.environment = {"DB_PASSWORD=kept-on-request"};
  BackgroundProgram target({target_program("idle")}, settings);
  target.wait_for_line("ready");
  auto arguments = quick(target.pid(), directory.path());
  arguments.push_back("--no-redact");
  collect(arguments);
  std::string archive = directory.find(".tar.zst");
  REQUIRE_FALSE(archive.empty());
  CHECK(artifact(archive, "process/environ").find("kept-on-request") != std::string::npos);
  CHECK(json::parse(artifact(archive, "manifest.json"))["redacted"] == false);
}

TEST_CASE("7: no command is executed, nobody is signalled, nothing is written elsewhere") {
  if (has_thread_sanitizer()) return not_run_here("the sanitizer writes a file of its own");
  BackgroundProgram target({target_program("idle"), "5"});
  target.wait_for_line("ready");
  TempDir directory;
  std::string trace = directory / "trace";
  ProgramSettings traced;
  traced.environment = {"ASAN_OPTIONS=detect_leaks=0"};  // LeakSanitizer must trace the process itself
  auto result =
      run_program({"strace", "-f", "-qq", "-o", trace, "-e",
                   "trace=execve,execveat,kill,tkill,tgkill,pidfd_send_signal,rt_sigqueueinfo,open,openat,creat,"
                   "unlink,unlinkat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mknod,"
                   "mknodat,truncate,chmod,fchmodat,chown,mount,umount2",
                   EC_BINARY, "--pid", std::to_string(target.pid()), "--profile-seconds", "0", "-o", directory.path()},
                  traced);
  REQUIRE((result.exit_code == 0 || result.exit_code == 3));
  std::string text = read_text(trace);
  REQUIRE(text.size() > 1000);
  int executed = 0;
  size_t begin = 0;
  std::string pid = std::to_string(target.pid());
  while (begin < text.size()) {
    size_t end = text.find('\n', begin);
    std::string line = text.substr(begin, end - begin);
    begin = end == std::string::npos ? text.size() : end + 1;
    if (line.find("execve") != std::string::npos) ++executed;
    if (line.find("kill(" + pid) != std::string::npos || line.find("kill(-") != std::string::npos) FAIL_CHECK(line);
    bool writes = line.find("O_WRONLY") != std::string::npos || line.find("O_RDWR") != std::string::npos ||
                  line.find("O_CREAT") != std::string::npos;
    bool changes = line.find("unlink") != std::string::npos || line.find("mkdir") != std::string::npos ||
                   line.find("chmod") != std::string::npos || line.find("mount(") != std::string::npos;
    bool ours = line.find(directory.path()) != std::string::npos || line.find("/proc/self/") != std::string::npos ||
                line.find("\"/dev/null\"") != std::string::npos || line.find(".partial\"") != std::string::npos;
    if ((writes || changes) && !ours) FAIL_CHECK(line);
  }
  CHECK(executed == 1);  // ourselves
  CHECK(runs_freely(target.pid()));
}

TEST_CASE("7: a Go program's SIGQUIT is never sent, and the target's own settings stay") {
  // A program that dies of any signal it can catch, and says so.
  BackgroundProgram target({"python3", "-c",
                            "import signal,time,os\n"
                            "for s in range(1, 65):\n"
                            "    try: signal.signal(s, lambda n, f: (print('signal', n, flush=True), os._exit(1)))\n"
                            "    except (OSError, ValueError): pass\n"
                            "print('ready', flush=True)\n"
                            "while True: time.sleep(0.01)"});
  target.wait_for_line("ready");
  std::string process = "/proc/" + std::to_string(target.pid());
  // timerslack_ns is root's to read.
  auto settings = [&process] {
    return read_text(process + "/oom_score_adj") + read_text(process + "/limits") +
           read_text(process + "/timerslack_ns");
  };
  std::string before = settings();
  TempDir directory;
  collect(quick(target.pid(), directory.path()));
  auto consistent = quick(target.pid(), directory.path());
  consistent.insert(consistent.end(), {"--stacks", "consistent"});
  collect(consistent);
  CHECK(kill(target.pid(), 0) == 0);
  CHECK(read_text(process + "/stat").find(") Z") == std::string::npos);
  CHECK(before == settings());
}

static void limit(__rlimit_resource resource, rlim_t most) {
  rlimit both{most, most};
  if (setrlimit(resource, &both) != 0) _exit(125);
}

// A run that is given less than it likes ends with an archive.
static void check_run_with(const std::function<void()>& in_child) {
  BackgroundProgram target({target_program("idle"), "20"});
  target.wait_for_line("ready");
  TempDir output;
  chmod(output.path().c_str(), 0777);
  ProgramSettings settings;
  settings.in_child = in_child;
  settings.environment = {"ASAN_OPTIONS=detect_leaks=0"};  // LeakSanitizer needs a process of its own
  auto arguments = quick(target.pid(), output.path());
  arguments.insert(arguments.begin(), binary_for_everyone(output.path()));
  auto result = run_program(arguments, settings);
  CAPTURE(result.err, result.exit_code);
  CHECK((result.exit_code == 0 || result.exit_code == 3));
  CHECK_FALSE(output.find(".tar.zst").empty());
  CHECK(runs_freely(target.pid()));
}

TEST_CASE("8: no descriptors to waste, no locked memory, no environment") {
  check_run_with([] { limit(RLIMIT_NOFILE, 32); });
  check_run_with([] { limit(RLIMIT_MEMLOCK, 0); });
  check_run_with([] { clearenv(); });
}

TEST_CASE("8: no memory to waste") {
  if (has_sanitizer()) return not_run_here("a sanitizer takes terabytes of address space");
  check_run_with([] { limit(RLIMIT_AS, 2ull << 30); });
}

TEST_CASE("8: no processes to spare") {
  // The limit does not bind root.
  if (is_root() && !may_become_nobody()) return not_run_here("needs a second user");
  check_run_with([] {
    if (is_root() && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(125);
    limit(RLIMIT_NPROC, 0);
  });
}
