// Pinning and finding real processes.
#include "collector/target/identity.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "collector/proc/pid_stat.h"
#include "collector/proc/proc_root.h"
#include "tests/support/place.h"
#include "tests/support/program.h"

using namespace ec;
using namespace ec::test;

namespace {

// A child that runs `body`, killed and reaped at the end of the test.
class Child {
 public:
  explicit Child(const std::function<void()>& body) : pid_(fork()) {
    if (pid_ == 0) {
      alarm(60);
      body();
      _exit(0);
    }
    REQUIRE(pid_ > 0);
  }
  ~Child() { reap(); }
  pid_t pid() const { return pid_; }
  void reap() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_;
};

char state_of(pid_t pid) {
  auto proc = ProcRoot::open("/proc");
  REQUIRE(proc);
  auto text = proc->read(fmt::format("{}/stat", pid));
  auto stat = text ? parse_pid_stat("stat", *text) : tl::unexpected(text.error());
  return stat ? stat->state : '-';
}

bool has(const std::vector<Candidate>& candidates, pid_t pid) {
  return std::any_of(candidates.begin(), candidates.end(), [&](const Candidate& c) { return c.pid == pid; });
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  auto proc = ProcRoot::open("/proc");
  REQUIRE(proc);
  (void)proc->each_number("", [&](int pid) {
    auto text = proc->read(fmt::format("{}/stat", pid));
    auto stat = text ? parse_pid_stat("stat", *text) : tl::unexpected(text.error());
    if (stat && stat->ppid == parent) children.push_back(pid);
    return true;
  });
  return children;
}

// The one candidate is `pid`, and no child of it is listed. Other programs of the same name may run on this machine.
void check_only_the_master(const Result<std::vector<Candidate>>& found, pid_t pid) {
  REQUIRE(found);
  CHECK(has(*found, pid));
  for (pid_t child : children_of(pid)) CHECK_FALSE(has(*found, child));
}

}  // namespace

TEST_CASE("identity: a process that runs") {
  Child child([] { pause(); });
  auto target = identify(child.pid());
  REQUIRE(target);
  CHECK(target->pid == child.pid());
  CHECK(target->live_tid == child.pid());
  CHECK(target->start_ticks > 0);
  CHECK(target->executable.inode != 0);
  CHECK_FALSE(target->kernel_thread);
  REQUIRE(target->pidfd);
  CHECK(changed(*target) == std::nullopt);

  SECTION("killed, and still a zombie") {
    kill(child.pid(), SIGKILL);
    REQUIRE(eventually([&] { return state_of(child.pid()) == 'Z'; }));
    CHECK(changed(*target) == "exited");
  }
  SECTION("killed and reaped") {
    child.reap();
    CHECK(changed(*target) == "exited");
  }
  SECTION("the same without a pidfd") {
    target->pidfd.reset();
    CHECK(changed(*target) == std::nullopt);
    kill(child.pid(), SIGKILL);
    REQUIRE(eventually([&] { return state_of(child.pid()) == 'Z'; }));
    CHECK(changed(*target) == "exited");
  }
  SECTION("another process has its number") {
    target->start_ticks -= 1;
    CHECK(changed(*target) == "pid reused");
  }
}

TEST_CASE("identity: exec keeps the number and the start, not the program") {
  int gate[2];
  REQUIRE(pipe(gate) == 0);
  Child child([&] {
    close(gate[1]);
    char byte;
    if (read(gate[0], &byte, 1) == 0) execlp("sleep", "sleep", "60", nullptr);
  });
  close(gate[0]);
  auto target = identify(child.pid());
  REQUIRE(target);
  CHECK(changed(*target) == std::nullopt);
  close(gate[1]);
  CHECK(eventually([&] { return changed(*target) == "replaced by exec"; }));
}

TEST_CASE("identity: a zombie is a target, until it is reaped") {
  Child child([] { _exit(3); });
  REQUIRE(eventually([&] { return state_of(child.pid()) == 'Z'; }));
  auto target = identify(child.pid());
  REQUIRE(target);
  CHECK(target->state == 'Z');
  CHECK(target->executable == ExecutableId{});
  CHECK(changed(*target) == std::nullopt);
  child.reap();
  CHECK(changed(*target) == "exited");
}

TEST_CASE("identity: a leader that has ended while a thread lives") {
  Child child([] {
    pthread_t thread;
    pthread_create(
        &thread, nullptr,
        [](void*) -> void* {
          while (true) pause();
        },
        nullptr);
    syscall(SYS_exit, 0);  // this thread only; pthread_exit() would unwind through the test
  });
  REQUIRE(eventually([&] { return state_of(child.pid()) == 'Z'; }));
  auto target = identify(child.pid());
  REQUIRE(target);
  CHECK(target->live_tid != child.pid());
  CHECK(target->executable.inode != 0);
  CHECK(changed(*target) == std::nullopt);
  // A thread is not a process: it is told which one it belongs to.
  auto thread = identify(target->live_tid);
  REQUIRE_FALSE(thread);
  CHECK(thread.error().code == ErrorCode::kUsage);
  CHECK(thread.error().detail.find(std::to_string(child.pid())) != std::string::npos);
  kill(child.pid(), SIGKILL);
  CHECK(eventually([&] { return changed(*target) == "exited"; }));
}

TEST_CASE("identity: kernel threads, where they are visible") {
  auto kthreadd = find_by_name("kthreadd");
  REQUIRE(kthreadd);
  for (const Candidate& candidate : *kthreadd) {
    auto target = identify(candidate.pid);
    REQUIRE(target);
    CHECK(target->kernel_thread);
    CHECK(target->executable == ExecutableId{});
    CHECK(changed(*target) == std::nullopt);
  }
}

TEST_CASE("identity: numbers that are no process") {
  CHECK(identify(0).error().code == ErrorCode::kUsage);
  CHECK(identify(-1).error().code == ErrorCode::kUsage);
  Child child([] {});
  pid_t gone = child.pid();
  child.reap();
  CHECK(identify(gone).error().code == ErrorCode::kGone);
}

TEST_CASE("identity: nginx by name and by port is its master") {
  if (is_root() && !may_become_nobody()) return not_run_here("nginx, started by root, needs a second user");
  TempDir dir;
  int port = free_port();
  write_text(dir / "nginx.conf",
             fmt::format("pid {0}/nginx.pid; error_log stderr notice; worker_processes 3; daemon off; events {{}}\n"
                         "http {{ access_log off; server {{ listen 127.0.0.1:{1}; }} }}\n",
                         dir.path(), port));
  BackgroundProgram nginx({"nginx", "-c", dir / "nginx.conf"});
  REQUIRE(eventually([&] { return children_of(nginx.pid()).size() == 3; }));
  check_only_the_master(find_by_name("nginx"), nginx.pid());
  auto by_port = find_by_port(static_cast<uint16_t>(port));
  REQUIRE(by_port);
  REQUIRE(by_port->size() == 1);
  CHECK(by_port->front().pid == nginx.pid());
  CHECK(by_port->front().comm == "nginx");
  CHECK(by_port->front().command_line.starts_with("nginx: master process"));
}

TEST_CASE("identity: postgres by name and by port is its postmaster") {
  if (is_root() && !may_become_nobody()) return not_run_here("postgres needs a user other than root");
  TempDir dir;
  std::string data = dir / "data";
  std::vector<std::string> prefix;
  if (geteuid() == 0) {
    chmod(dir.path().c_str(), 0777);
    prefix = {"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"};
  }
  auto with_prefix = [&](std::vector<std::string> argv) {
    argv.insert(argv.begin(), prefix.begin(), prefix.end());
    return argv;
  };
  std::string bin = "/usr/lib/postgresql/15/bin/";
  REQUIRE(run_program(with_prefix({bin + "initdb", "-D", data, "-A", "trust", "-N"})).exit_code == 0);
  int port = free_port();
  BackgroundProgram postgres(with_prefix({bin + "postgres", "-D", data, "-p", std::to_string(port), "-c",
                                          "unix_socket_directories=", "-c", "logging_collector=off"}));
  REQUIRE(postgres.wait_for_line("ready to accept connections") != "");
  check_only_the_master(find_by_name("postgres"), postgres.pid());
  auto by_port = find_by_port(static_cast<uint16_t>(port));
  REQUIRE(by_port);
  REQUIRE(by_port->size() == 1);
  CHECK(by_port->front().pid == postgres.pid());
}

TEST_CASE("identity: a listener in another network namespace") {
  if (!user_namespaces_work() && !may_mount()) return not_run_here("needs root or user namespaces");
  int port = free_port();
  BackgroundProgram program({"unshare", user_namespaces_work() ? "-Urn" : "-n", "python3", "-c",
                             fmt::format("import socket,time\ns=socket.socket()\ns.bind(('0.0.0.0',{}))\ns.listen()\n"
                                         "print('listening',flush=True)\ntime.sleep(60)",
                                         port)});
  REQUIRE(program.wait_for_line("listening") != "");
  auto found = find_by_port(static_cast<uint16_t>(port));
  REQUIRE(found);
  REQUIRE(found->size() == 1);
  CHECK(found->front().pid == program.pid());
}

TEST_CASE("identity: nobody listens, nobody has the name") {
  auto port = find_by_port(static_cast<uint16_t>(free_port()));
  REQUIRE(port);
  CHECK(port->empty());
  auto name = find_by_name("no-such-program-here");
  REQUIRE(name);
  CHECK(name->empty());
  auto unit = find_by_unit("no-such-unit-here");
  REQUIRE(unit);
  CHECK(unit->empty());
}

TEST_CASE("identity: by the name of the first argument when nothing else matches") {
  BackgroundProgram named({"bash", "-c", "exec -a /opt/shop/order-service sleep 60"});
  REQUIRE(eventually([&] {
    auto found = find_by_name("order-service");
    return found && has(*found, named.pid());
  }));
}

namespace {

// A cgroup of this name, as systemd makes one for a unit; "" where we may not.
std::string make_cgroup(const std::string& name) {
  for (const char* root : {"/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
    std::string folder = fmt::format("{}/{}", root, name);
    if (access((std::string(root) + "/cgroup.procs").c_str(), W_OK) == 0 && mkdir(folder.c_str(), 0755) == 0)
      return folder;
  }
  return {};
}

void move_into(const std::string& folder, pid_t pid) {
  std::ofstream procs(folder + "/cgroup.procs");
  procs << pid << std::flush;
  REQUIRE(procs.good());
}

}  // namespace

TEST_CASE("identity: a unit through its cgroup path") {
  std::string unit = fmt::format("ec-test-{}", getpid()), folder = make_cgroup(unit + ".service");
  // The match itself is a unit test.
  if (folder.empty()) return not_run_here("needs a cgroup hierarchy that we may write to");
  {
    Child child([] {
      if (fork() == 0) pause();
      pause();
    });
    REQUIRE(eventually([&] { return children_of(child.pid()).size() == 1; }));
    pid_t worker = children_of(child.pid()).front();
    for (pid_t pid : {child.pid(), worker}) move_into(folder, pid);
    for (const std::string& name : {unit, unit + ".service"}) {
      auto found = find_by_unit(name);
      REQUIRE(found);
      REQUIRE(found->size() == 1);
      CHECK(found->front().pid == child.pid());
    }
    kill(worker, SIGKILL);
  }
  CHECK(eventually([&] { return rmdir(folder.c_str()) == 0; }));
}

TEST_CASE("identity: of a unit's processes the one that systemd started") {
  std::string unit = fmt::format("ec-test-main-{}", getpid()), folder = make_cgroup(unit + ".service");
  if (folder.empty()) return not_run_here("needs a cgroup hierarchy that we may write to");
  {
    BackgroundProgram main({"sh", "-c", "export SYSTEMD_EXEC_PID=$$; exec sleep 60"});
    // One that it started and that another process has adopted since: older or younger, it is not the main one.
    ProgramSettings inherited;
    inherited.environment = {fmt::format("SYSTEMD_EXEC_PID={}", main.pid())};
    BackgroundProgram orphan({"sleep", "60"}, inherited);
    BackgroundProgram stranger({"sleep", "60"});
    move_into(folder, stranger.pid());
    move_into(folder, orphan.pid());
    auto both = find_by_unit(unit);
    REQUIRE(both);
    CHECK(both->size() == 2);
    move_into(folder, main.pid());
    CHECK(eventually([&] {
      auto found = find_by_unit(unit);
      return found && found->size() == 1 && found->front().pid == main.pid();
    }));
  }
  CHECK(eventually([&] { return rmdir(folder.c_str()) == 0; }));
}
