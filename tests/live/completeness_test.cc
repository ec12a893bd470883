// What the page calls not examined, what the exit code calls partial, and what doctor foretells: they agree.
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/support/place.h"
#include "tests/support/program.h"

using namespace ec::test;

namespace {

// A run that pulls nothing over the network, and what its archive says.
struct Collected {
  explicit Collected(pid_t pid, std::vector<std::string> more = {}, const ProgramSettings& settings = {}) {
    std::vector<std::string> arguments = {"--pid", std::to_string(pid), "--profile-seconds", "0", "--endpoint", "none",
                                          "-o",    directory.path()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    result = collect(arguments, settings);
    archive = directory.find(".tar.zst");
  }
  std::string artifact(const std::string& name) const { return collect({"show", archive, name}).out; }
  // The lines under NOT EXAMINED, without " - ".
  std::vector<std::string> not_examined() const {
    std::vector<std::string> lines;
    size_t at = result.out.find("NOT EXAMINED\n"), end = result.out.find("\n\n", at);
    for (at = result.out.find("\n - ", at); at < end; at = result.out.find("\n - ", at + 4))
      lines.push_back(result.out.substr(at + 4, result.out.find('\n', at + 4) - at - 4));
    return lines;
  }

  TempDir directory;
  ProgramResult result;
  std::string archive;
};

class Zombie {
 public:
  Zombie() : pid_(fork()) {
    if (pid_ == 0) _exit(7);
    eventually(
        [this] { return read_text("/proc/" + std::to_string(pid_) + "/stat").find(") Z") != std::string::npos; });
  }
  ~Zombie() { waitpid(pid_, nullptr, 0); }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

// Root of a container: user 0 without one of its capabilities.
ProgramSettings root_without(int capability) {
  ProgramSettings settings;
  settings.in_child = [capability] { prctl(PR_CAPBSET_DROP, capability, 0, 0, 0); };
  return settings;
}

}  // namespace

TEST_CASE("the archive's copies of runbooks name the process, so that their commands can be pasted") {
  Zombie zombie;
  Collected run(zombie.pid());
  std::string copy = run.artifact("runbooks/target-stopped.md");
  CHECK(copy.find("/proc/" + std::to_string(zombie.pid()) + "/status") != std::string::npos);
  CHECK(copy.find("$PID") == std::string::npos);
  CHECK(collect({"runbook", "show", "target-stopped"}).out.find("/proc/$PID/status") != std::string::npos);
}

TEST_CASE("root that lacks a capability is not told to run as root") {
  if (!is_root()) return not_run_here("needs root");
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  Collected run(target.pid(), {}, root_without(CAP_SYS_PTRACE));
  CHECK(run.result.exit_code == 3);
  CHECK(run.result.out.find("give this root CAP_SYS_PTRACE") != std::string::npos);
  CHECK(run.result.out.find("run as root") == std::string::npos);
}

TEST_CASE("root of another user namespace is told that its capabilities end at the border") {
  if (has_thread_sanitizer()) return not_run_here("a process with a sanitizer's thread may not enter a user namespace");
  if (!is_root() || !user_namespaces_work()) return not_run_here("needs root and user namespaces");
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  ProgramSettings inside;
  inside.in_child = [] {
    if (unshare(CLONE_NEWUSER) != 0) _exit(99);
    write_text("/proc/self/setgroups", "deny");
    write_text("/proc/self/uid_map", "0 0 1");
  };
  Collected run(target.pid(), {}, inside);
  CHECK(run.result.exit_code == 3);
  CHECK(run.result.out.find("run outside this user namespace") != std::string::npos);
  CHECK(run.result.out.find("run as root") == std::string::npos);
}

TEST_CASE("a zombie lacks nothing that exists: complete, and one line says why there is so little") {
  if (!is_root() || !may_read_kernel_log()) return not_run_here("needs root and the kernel log");
  Zombie zombie;
  Collected run(zombie.pid());
  INFO(run.result.out);
  CHECK(run.result.exit_code == 0);
  auto lines = run.not_examined();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] ==
        "memory, files, sockets, namespaces and stacks: a zombie has none: it has ended, and only its exit "
        "status is left  → look at its parent: --pid " +
            std::to_string(getpid()));
  CHECK(lines[1].starts_with("debug endpoint: left out by --endpoint none"));
  CHECK(run.result.out.find("could not be examined") == std::string::npos);
  CHECK(collect({"verify", run.archive}).exit_code == 0);
}

TEST_CASE("a kernel thread lacks nothing that exists") {
  // 2 is kthreadd where it is visible; in a PID namespace of our own there is none.
  if (!is_root() || !may_read_kernel_log()) return not_run_here("needs root and the kernel log");
  if (read_text("/proc/2/comm") != "kthreadd\n") return not_run_here("needs a kernel thread to see");
  Collected run(2);
  INFO(run.result.out);
  CHECK(run.result.exit_code == 0);
  auto lines = run.not_examined();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == "memory, files and user stack: a kernel thread has none");
  CHECK(run.result.out.find("could not be examined") == std::string::npos);
}

TEST_CASE("what the user left out is one line, complete, and a replay says the same") {
  if (!is_root() || !may_read_kernel_log()) return not_run_here("needs root and the kernel log");
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  Collected run(target.pid(), {"--only", "process,threads"});
  INFO(run.result.out);
  CHECK(run.result.exit_code == 0);
  CHECK(run.not_examined() ==
        std::vector<std::string>{"left out by --only: all collectors but threads and process  → run without --only"});
  CHECK(run.result.out.find("collectors were left out by --only.") != std::string::npos);
  CHECK(run.result.out.find("could not be examined") == std::string::npos);
  auto replay = collect({"show", "--reanalyse", run.archive});
  CHECK(replay.exit_code == 0);
  CHECK(replay.out.find("left out by --only") != std::string::npos);
  CHECK(replay.out.find("all collectors but threads and process") != std::string::npos);
}

TEST_CASE("stacks asked for alone come with the threads that show them") {
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  Collected run(target.pid(), {"--only", "stacks"});
  INFO(run.result.out);
  CHECK(run.result.exit_code == 0);
  CHECK(run.result.out.find("THREADS") != std::string::npos);
  CHECK(run.result.out.find("KEY FIGURES") == std::string::npos);
  CHECK(run.artifact("threads/stacks.txt").find("main") != std::string::npos);
  CHECK(run.artifact("threads/stacks.json").find("\"tid\":" + std::to_string(target.pid())) != std::string::npos);
}

TEST_CASE("stacks that were not wanted are one line, and complete") {
  if (!is_root() || !may_read_kernel_log()) return not_run_here("needs root and the kernel log");
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  for (auto [mode, what] : {std::pair{"none", "stacks"}, std::pair{"kernel", "user stacks"}}) {
    Collected run(target.pid(), {"--stacks", mode});
    INFO(run.result.out);
    CHECK(run.result.exit_code == 0);
    int told = 0;
    for (const std::string& line : run.not_examined())
      if (line.find("stacks") != std::string::npos) {
        CHECK(line == std::string(what) + ": left out by --stacks " + mode + "  → --stacks auto");
        ++told;
      }
    CHECK(told == 1);
  }
}

namespace {

ProgramSettings nobody() {
  ProgramSettings settings;
  settings.in_child = [] {
    constexpr int kNobody = 65534;
    if (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(99);
  };
  return settings;
}

}  // namespace

TEST_CASE("doctor foretells the exit code of collect") {
  if (!is_root() || !may_become_nobody() || !may_read_kernel_log())
    return not_run_here("needs root, a second user and the kernel log");
  BackgroundProgram ours({std::string(EC_TARGETS_DIR) + "/idle"});
  BackgroundProgram theirs({"sleep", "1000"}, nobody());
  Zombie zombie;
  REQUIRE_FALSE(ours.wait_for_line("ready").empty());
  TempDir place;
  const std::string binary = binary_for_everyone(place.path());
  struct User {
    const char* name;
    ProgramSettings settings;
  };
  const User users[] = {{"root", {}},
                        {"root without CAP_SYS_PTRACE", root_without(CAP_SYS_PTRACE)},
                        {"root without CAP_SYS_ADMIN", root_without(CAP_SYS_ADMIN)},
                        {"root without CAP_SYSLOG", root_without(CAP_SYSLOG)},
                        {"nobody", nobody()}};
  std::vector<pid_t> targets = {ours.pid(), theirs.pid(), zombie.pid()};
  if (read_text("/proc/2/comm") == "kthreadd\n") targets.push_back(2);
  for (const User& user : users)
    for (pid_t target : targets) {
      TempDir output;
      REQUIRE(chmod(output.path().c_str(), 0777) == 0);
      ProgramSettings settings = user.settings;
      settings.directory = output.path();
      std::string pid = std::to_string(target);
      auto run = run_program({binary, "--pid", pid, "--profile-seconds", "0", "--endpoint", "none"}, settings);
      auto doctor = run_program({binary, "doctor", "--pid", pid}, settings);
      INFO(user.name << " on " << pid << "\n" << run.out << doctor.out.substr(0, doctor.out.find("Plan")));
      CHECK(doctor.exit_code == run.exit_code);
      CHECK((doctor.exit_code == 3) == (doctor.out.find("\n  no  ") != std::string::npos));
    }
}

TEST_CASE("doctor does not advise root to run as root") {
  if (!is_root()) return not_run_here("needs root");
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  auto doctor = collect({"doctor", "--pid", std::to_string(target.pid())}, root_without(CAP_SYS_PTRACE));
  CHECK(doctor.exit_code == 3);
  CHECK(doctor.out.find("fix: give this root CAP_SYS_PTRACE (a container: --cap-add SYS_PTRACE)") != std::string::npos);
  CHECK(doctor.out.find("run as root") == std::string::npos);
}

TEST_CASE("doctor says in one line what a zombie does not have") {
  Zombie zombie;
  auto doctor = collect({"doctor", "--pid", std::to_string(zombie.pid())});
  CHECK(doctor.out.find(" is a zombie: it has no memory, files, namespaces or stacks any more.\n") !=
        std::string::npos);
  CHECK(doctor.out.find("No such process") == std::string::npos);
}
