// What the page calls not examined, what the exit code calls partial, and what doctor foretells: they agree.
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

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
  if (!is_root()) return;
  BackgroundProgram target({std::string(EC_TARGETS_DIR) + "/idle"});
  REQUIRE_FALSE(target.wait_for_line("ready").empty());
  Collected run(target.pid(), {}, root_without(CAP_SYS_PTRACE));
  CHECK(run.result.exit_code == 3);
  CHECK(run.result.out.find("give this root CAP_SYS_PTRACE") != std::string::npos);
  CHECK(run.result.out.find("run as root") == std::string::npos);
}

TEST_CASE("root of another user namespace is told that its capabilities end at the border") {
  if (!is_root() || !user_namespaces_work()) return;
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
