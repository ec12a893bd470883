// The process collectors on real processes, through the runner: what ends in the snapshot.
#include "collector/collectors/process.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <set>

#include "collector/collectors/host_constants.h"
#include "collector/collectors/runner.h"
#include "collector/proc/passwd.h"
#include "tests/support/place.h"
#include "tests/support/program.h"

using namespace ec;
using namespace ec::test;

namespace {

class Kept : public RunnerListener {
 public:
  RawStore store;
  void artifact(ArtifactRow row, std::string bytes, Redact) override { store.add(std::move(row), std::move(bytes)); }
  void progress(const Collector&, Reading, Progress) override {}
};

struct Collected {
  RawStore store;
  Process process;
};

// Both readings of all process collectors.
Collected collect_process(pid_t pid, RunOptions options = {}) {
  const std::set<std::string_view> ours{"process",    "cgroup",         "process_facts",
                                        "namespaces", "process_memory", "process_tree"};
  auto target = identify(pid);
  REQUIRE(target);
  Kept kept;
  ArtifactRow constants;
  constants.path = "raw/host/constants";
  kept.store.add(constants, host_constants_text());
  auto started = Clock::now();
  std::vector<Step> steps;
  for (const Collector& collector : collector_table())
    if (ours.contains(collector.name)) steps.push_back({&collector});
  CHECK(steps.size() == ours.size());
  for (const Collector& collector : collector_table())
    if (ours.contains(collector.name) && collector.two_readings)
      steps.push_back({&collector, Reading::kSecond, started + milliseconds(200)});
  Runner runner(&*target, options, started, kept);
  runner.start(std::move(steps), Deadline::in(std::chrono::seconds(20)));
  runner.pump(Deadline::in(std::chrono::seconds(20)), {}, [] { return false; });
  REQUIRE(runner.idle());
  Snapshot snapshot;
  snapshot.target.pid = pid;
  for (const Collector& collector : collector_table())
    if (ours.contains(collector.name)) collector.parse(kept.store, snapshot);
  return {std::move(kept.store), std::move(snapshot.process)};
}

// As /etc/passwd calls the user, which is what the target's root says too; "" when it does not know the id.
std::string user_name(uid_t uid) { return account_name(read_text("/etc/passwd"), uid); }

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
  ~Child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

}  // namespace

TEST_CASE("process live: a busy child of ours") {
  Child child([] {
    if (fork() == 0) _exit(3);  // stays a zombie
    volatile bool busy = true;
    while (busy) {
    }
  });
  REQUIRE(eventually([&] { return !read_text(fmt::format("/proc/{0}/task/{0}/children", child.pid())).empty(); }));
  auto [store, process] = collect_process(child.pid());
  REQUIRE(process.status);
  CHECK(process.status->pid == child.pid());
  CHECK(process.status->ppid == getpid());
  CHECK(process.status->rss_bytes > 0);
  CHECK(process.status->age_seconds < 60);
  REQUIRE(process.rates);
  CHECK(process.rates->cpu_cores > 0);
  CHECK(process.rates->interval_seconds >= 0.15);
  CHECK(process.wait_summary.starts_with("running"));
  REQUIRE(process.children);
  REQUIRE(process.children->size() == 1);
  CHECK(process.children->front().state == 'Z');
  REQUIRE(process.ancestors);
  CHECK(process.ancestors->front().pid == getpid());
  REQUIRE(process.namespaces);
  for (const NamespaceLink& link : *process.namespaces) CHECK(link.same_as_ours);
  REQUIRE(process.mappings);
  CHECK(process.mappings->size() > 10);
  REQUIRE(process.rollup);
  CHECK(process.rollup->rss > 0);
  REQUIRE(process.command_line);
  REQUIRE(process.environment);
  REQUIRE(process.cgroup);
  CHECK(process.cgroup->version != 0);
  REQUIRE(process.credential);
  CHECK(process.credential->user == user_name(geteuid()));
  REQUIRE(process.limits);
  CHECK(process.limits->contains("Max open files"));
  CHECK(process.oom_score.has_value());
  CHECK(process.cwd.has_value());
  CHECK(*process.root == "/");
}

TEST_CASE("process live: what blocks is said in words") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  Child child([&] {
    char byte;
    (void)!read(ends[0], &byte, 1);
  });
  REQUIRE(eventually(
      [&] { return read_text(fmt::format("/proc/{}/stat", child.pid())).find(") S ") != std::string::npos; }));
  auto process = collect_process(child.pid()).process;
  CHECK(process.wait_summary.starts_with("sleeping in read"));
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("process live: smaps_rollup is not read above the limit, and says so") {
  Child child([] { pause(); });
  RunOptions options;
  options.rollup_rss_limit_bytes = 4096;
  auto [store, process] = collect_process(child.pid(), options);
  REQUIRE_FALSE(process.rollup);
  CHECK(process.rollup.why().code == ErrorCode::kSkipped);
  CHECK(process.rollup.why().detail.find("above the limit") != std::string::npos);
  const ArtifactRow* row = store.row(fmt::format("raw/proc/{}/smaps_rollup", child.pid()));
  REQUIRE(row);
  CHECK_FALSE(row->fix.empty());
  CHECK(process.mappings.has_value());
}

TEST_CASE("process live: a zombie") {
  Child child([] { _exit(7); });
  REQUIRE(eventually(
      [&] { return read_text(fmt::format("/proc/{}/stat", child.pid())).find(") Z ") != std::string::npos; }));
  auto process = collect_process(child.pid()).process;
  REQUIRE(process.status);
  CHECK(process.status->state == 'Z');
  CHECK(process.wait_summary.starts_with("zombie"));
  REQUIRE_FALSE(process.mappings);
  CHECK(process.mappings.why().code == ErrorCode::kSkipped);
  CHECK(process.limits.has_value());
}

TEST_CASE("process live: a leader that has ended is read through a thread that lives") {
  if (has_thread_sanitizer()) return not_run_here("the sanitizer's thread would be counted");
  Child child([] {
    pthread_t thread;
    pthread_create(
        &thread, nullptr,
        [](void*) -> void* {
          while (true) pause();
        },
        nullptr);
    syscall(SYS_exit, 0);
  });
  REQUIRE(eventually(
      [&] { return read_text(fmt::format("/proc/{}/stat", child.pid())).find(") Z ") != std::string::npos; }));
  auto process = collect_process(child.pid()).process;
  REQUIRE(process.status);
  CHECK(process.status->state == 'Z');
  CHECK(process.status->rss_bytes > 0);
  CHECK(process.mappings.has_value());
  CHECK(process.rollup.has_value());
  CHECK(process.cwd.has_value());
  CHECK(process.wait_summary == "the main thread has ended, 1 thread is left");
}

TEST_CASE("process live: a process in namespaces of its own") {
  const bool own_user = user_namespaces_work();
  if (!own_user && !may_mount()) return not_run_here("needs root or user namespaces");
  BackgroundProgram program(
      {"unshare", own_user ? "-Urpmf" : "-pmf", "--mount-proc", "sh", "-c", "echo ready; sleep 60"});
  REQUIRE(program.wait_for_line("ready") != "");
  // unshare forks because of -p: the shell is its child.
  auto outer = collect_process(program.pid()).process;
  REQUIRE(outer.children);
  REQUIRE(outer.children->size() == 1);
  auto process = collect_process(outer.children->front().pid).process;
  REQUIRE(process.status);
  REQUIRE(process.status->ns_pids.size() == 2);
  CHECK(process.status->ns_pids.back() == 1);
  REQUIRE(process.namespaces);
  std::map<std::string, bool> same;
  for (const NamespaceLink& link : *process.namespaces) same[link.kind] = link.same_as_ours;
  CHECK_FALSE(same.at("pid"));
  CHECK_FALSE(same.at("mnt"));
  CHECK(same.at("user") == !own_user);
  CHECK(same.at("net"));
  // Whoever we are outside is root inside.
  REQUIRE(process.credential);
  CHECK(process.credential->user == user_name(0));
}

TEST_CASE("process live: somebody else's process, without privileges") {
  if (is_root() && !may_become_nobody()) return not_run_here("needs a second user");
  Child child([] { pause(); });
  uid_t was = geteuid();
  // Not even root's: whoever runs this test looks as nobody.
  if (was == 0) REQUIRE(seteuid(65534) == 0);
  pid_t pid = was == 0 ? child.pid() : 1;
  auto [store, process] = collect_process(pid);
  if (was == 0) REQUIRE(seteuid(0) == 0);
  REQUIRE(process.status);
  CHECK(process.limits.has_value());
  CHECK(process.ancestors.has_value());
  REQUIRE_FALSE(process.mappings);
  REQUIRE_FALSE(process.environment);
  const ArtifactRow* row = store.row(fmt::format("raw/proc/{}/maps", pid));
  REQUIRE(row);
  CHECK(row->fix.find("CAP_SYS_PTRACE") != std::string::npos);
  REQUIRE(process.rates);
  CHECK_FALSE(process.rates->has_io);
}

TEST_CASE("process live: one that ends between the readings keeps the first") {
  Child child([] {
    timespec span{0, 100'000'000};
    nanosleep(&span, nullptr);
  });
  auto process = collect_process(child.pid()).process;
  REQUIRE(process.status);
  CHECK(process.mappings.has_value());
  CHECK(process.cgroup.has_value());
}
