// The parse functions of the process collectors, on archives made of recorded files.
#include "collector/collectors/process.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "collector/collectors/process_wait.h"

using namespace ec;

namespace {

std::string read_fixture(const std::string& name) {
  std::ifstream stream(std::string(EC_FIXTURES) + "/" + name, std::ios::binary);
  INFO("fixture " << name);
  REQUIRE(stream);
  return std::string((std::istreambuf_iterator<char>(stream)), {});
}

void add(RawStore& store, const std::string& path, std::string bytes, double at_ms = 0) {
  ArtifactRow row;
  row.path = path;
  row.at_ms = at_ms;
  store.add(row, std::move(bytes));
}

void add_failed(RawStore& store, const std::string& path, Status status, const std::string& reason) {
  ArtifactRow row;
  row.path = path;
  row.status = status;
  row.reason = reason;
  store.add(row, "");
}

// raw/proc/PID/… of a folder of fixtures.
RawStore recorded(const std::string& folder, int pid, std::initializer_list<const char*> files) {
  RawStore store;
  for (const char* file : files)
    add(store, fmt::format("raw/proc/{}/{}", pid, file), read_fixture(folder + "/" + file));
  add(store, "raw/host/constants", "clock_ticks 100\npage_size 4096\nboottime_ns 3600000000000\n");
  return store;
}

Snapshot snapshot_of(int pid) {
  Snapshot snapshot;
  snapshot.target.pid = pid;
  return snapshot;
}

std::string stat_line(uint64_t user, uint64_t system, uint64_t major, uint64_t start = 100) {
  return fmt::format("42 (web) R 1 1 1 0 -1 4194304 10 0 {} 0 {} {} 0 0 20 0 3 0 {} 1 1\n", major, user, system, start);
}

}  // namespace

TEST_CASE("process: status of a postmaster") {
  RawStore store = recorded("proc-postgres", 42, {"stat", "status", "statm", "io", "schedstat"});
  Snapshot snapshot = snapshot_of(42);
  parse_process(store, snapshot);
  REQUIRE(snapshot.process.status);
  const ProcessStatus& status = *snapshot.process.status;
  CHECK(status.comm == "postgres");
  CHECK(status.scheduler == "SCHED_OTHER");
  CHECK(status.rss_bytes > 0);
  CHECK(status.rss_peak_bytes >= status.rss_bytes);
  CHECK(status.seccomp == "off");
  CHECK(status.no_new_privs == "off");
  CHECK(status.capabilities_effective.empty());
  CHECK(status.age_seconds == Approx(3600 - static_cast<double>(status.start_ticks) / 100));
  CHECK_FALSE(status.kernel_thread);
  // One reading is no rate.
  REQUIRE_FALSE(snapshot.process.rates);
  CHECK(snapshot.process.rates.why().code == ErrorCode::kNotFound);
}

TEST_CASE("process: a dead leader takes memory and signals from a thread that lives") {
  RawStore store = recorded("proc-zombie", 42, {"stat", "status"});
  add(store, "raw/proc/42/live_status", read_fixture("proc-postgres/status"));
  Snapshot snapshot = snapshot_of(42);
  parse_process(store, snapshot);
  REQUIRE(snapshot.process.status);
  CHECK(snapshot.process.status->state == 'Z');
  CHECK(snapshot.process.status->rss_bytes > 0);
  CHECK_FALSE(snapshot.process.status->signals_caught.empty());
}

TEST_CASE("process: a file that is missing is the reason, not zero") {
  RawStore store;
  add_failed(store, "raw/proc/42/stat", Status::kFailed, "/proc/42/stat: No such process");
  Snapshot snapshot = snapshot_of(42);
  parse_process(store, snapshot);
  REQUIRE_FALSE(snapshot.process.status);
  CHECK(snapshot.process.status.why().detail == "/proc/42/stat: No such process");
}

TEST_CASE("process rates: two readings two seconds apart") {
  RawStore store;
  add(store, "raw/host/constants", "clock_ticks 100\npage_size 4096\n");
  add(store, "raw/proc/42/stat", stat_line(1000, 200, 7), 100);
  add(store, "raw/second/proc/42/stat", stat_line(1150, 210, 9), 2100);
  add(store, "raw/proc/42/statm", "100 50 0 0 0 0 0\n", 100);
  add(store, "raw/second/proc/42/statm", "100 40 0 0 0 0 0\n", 2100);
  add(store, "raw/proc/42/schedstat", "0 1000000000 5\n", 100);
  add(store, "raw/second/proc/42/schedstat", "0 2000000000 5\n", 2100);
  add(store, "raw/proc/42/status", "Pid:\t42\nvoluntary_ctxt_switches:\t10\nnonvoluntary_ctxt_switches:\t1\n", 100);
  add(store, "raw/second/proc/42/status", "Pid:\t42\nvoluntary_ctxt_switches:\t30\nnonvoluntary_ctxt_switches:\t1\n",
      2100);
  Snapshot snapshot = snapshot_of(42);
  parse_process(store, snapshot);
  REQUIRE(snapshot.process.rates);
  const ProcessRates& rates = *snapshot.process.rates;
  CHECK(rates.interval_seconds == Approx(2));
  CHECK(rates.user_cores == Approx(0.75));
  CHECK(rates.system_cores == Approx(0.05));
  CHECK(rates.cpu_cores == Approx(0.8));
  CHECK(rates.major_faults == Approx(1));
  CHECK(rates.rss_change_bytes == -40960);
  CHECK(rates.run_delay == Approx(0.5));
  CHECK(rates.voluntary_switches == Approx(10));
  CHECK_FALSE(rates.has_io);

  SECTION("with threads in both readings, their sums count") {
    std::string before, after;
    append_section(before, "42/schedstat", "0 0 0\n");
    append_section(before, "43/schedstat", "0 1000000000 0\n");
    append_section(before, "44/schedstat", "0 9000000000 0\n");
    append_section(after, "42/schedstat", "0 1000000000 0\n");
    append_section(after, "43/schedstat", "0 4000000000 0\n");
    append_section(after, "45/schedstat", "0 2000000000 0\n");  // born between; 44 has ended
    add(store, "raw/proc/42/task.bundle", before, 100);
    add(store, "raw/second/proc/42/task.bundle", after, 2100);
    parse_process(store, snapshot);
    REQUIRE(snapshot.process.rates);
    CHECK(snapshot.process.rates->run_delay == Approx(3));
    CHECK(snapshot.process.rates->voluntary_switches == Approx(10));
  }
  SECTION("the last reading counts when there is one") {
    add(store, "raw/last/proc/42/stat", stat_line(2000, 200, 7), 10100);
    parse_process(store, snapshot);
    REQUIRE(snapshot.process.rates);
    CHECK(snapshot.process.rates->user_cores == Approx(1));
  }
  SECTION("a reused id has no rates") {
    add(store, "raw/second/proc/42/stat", stat_line(1, 1, 0, 999), 2100);
    parse_process(store, snapshot);
    REQUIRE_FALSE(snapshot.process.rates);
    CHECK(snapshot.process.rates.why().code == ErrorCode::kGone);
  }
  SECTION("counters that went backwards are no negative rate") {
    add(store, "raw/second/proc/42/stat", stat_line(10, 10, 0), 2100);
    parse_process(store, snapshot);
    REQUIRE(snapshot.process.rates);
    CHECK(snapshot.process.rates->cpu_cores == 0);
  }
}

TEST_CASE("process_facts: limits, names of the own root, OOM score, login") {
  RawStore store = recorded("proc-postgres", 42, {"stat", "status", "limits", "oom_score", "oom_score_adj", "timers"});
  std::string uid = std::to_string(104);
  add(store, "raw/proc/42/loginuid", "4294967295");
  add(store, "raw/proc/42/uid_map", "0 0 4294967295\n");
  add(store, "raw/proc/42/status", "Pid:\t42\nUid:\t104\t104\t104\t104\nGid:\t110\t110\t110\t110\n");
  std::string accounts;
  append_section(accounts, "etc/passwd", "postgres:x:104:110::/var/lib/postgresql:/bin/bash\n");
  append_failed_section(accounts, "etc/group", Error{ErrorCode::kDenied, "", "", 13});
  add(store, "raw/proc/42/accounts.bundle", accounts);
  Snapshot snapshot = snapshot_of(42);
  parse_process_facts(store, snapshot);
  REQUIRE(snapshot.process.credential);
  CHECK(snapshot.process.credential->user == "postgres");
  CHECK(snapshot.process.credential->group == "");
  CHECK_FALSE(snapshot.process.credential->login_uid.has_value());
  REQUIRE(snapshot.process.limits);
  CHECK(snapshot.process.limits->at("Max open files").soft == 20000u);
  CHECK(snapshot.process.oom_score.has_value());
  CHECK(*snapshot.process.oom_score_adj == 0);
  REQUIRE(snapshot.process.timers);
  CHECK(snapshot.process.timers->empty());
}

TEST_CASE("process_facts: an id is looked up as it is called inside of the user namespace") {
  RawStore store;
  add(store, "raw/proc/42/status",
      "Pid:\t42\nUid:\t100033\t100033\t100033\t100033\nGid:\t100033\t100033\t100033\t100033\n");
  add(store, "raw/proc/42/uid_map", "0 100000 65536\n");
  std::string accounts;
  append_section(accounts, "etc/passwd", "www-data:x:33:33::/var/www:/bin/false\n");
  add(store, "raw/proc/42/accounts.bundle", accounts);
  Snapshot snapshot = snapshot_of(42);
  parse_process_facts(store, snapshot);
  REQUIRE(snapshot.process.credential);
  CHECK(snapshot.process.credential->user == "www-data");
}

TEST_CASE("wait: what the main thread is doing") {
  auto words = [](const std::string& stat, const std::string& wchan, const std::string& call) {
    RawStore store;
    add(store, "raw/proc/42/stat", stat);
    add(store, "raw/proc/42/status", "Pid:\t42\nTracerPid:\t77\n");
    add(store, "raw/proc/42/wchan", wchan);
    add(store, "raw/proc/42/syscall", call);
    add(store, "raw/proc/42/machine", "x86_64");
    return wait_summary(store, 42);
  };
  auto stat = [](char state, int threads = 1, int exit_code = 0) {
    return fmt::format(
        "42 (web) {} 7 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 {} 0 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 17 3 0 0 0 0 0 0 0 "
        "0 0 0 0 0 {}\n",
        state, threads, exit_code);
  };
  const std::string epoll = "232 0x5 0x7ff 0x200 0xffffffff 0x0 0x8 0x7ffd 0x7f01\n";
  CHECK(words(stat('S'), "ep_poll", epoll) == "sleeping in epoll_wait (ep_poll)");
  CHECK(words(stat('S'), "0", epoll) == "sleeping in epoll_wait");
  CHECK(words(stat('S'), "ep_poll", "") == "sleeping in the kernel at ep_poll");
  CHECK(words(stat('S'), "0", "") == "sleeping");
  CHECK(words(stat('R'), "0", "running\n") == "running, last on CPU 3");
  CHECK(words(stat('D'), "rq_qos_wait", "0 0x5 0x7ff 0x200 0x0 0x0 0x0 0x7ffd 0x7f01\n") ==
        "in uninterruptible sleep in read (rq_qos_wait)");
  CHECK(words(stat('T'), "do_signal_stop", "") == "stopped by a signal");
  CHECK(words(stat('t'), "ptrace_stop", "") == "stopped by a tracer by process 77");
  CHECK(words(stat('Z', 1, 3 << 8), "0", "") == "zombie: exited with status 3, not yet collected by its parent 7");
  CHECK(words(stat('Z', 1, 9), "0", "") == "zombie: killed by SIGKILL, not yet collected by its parent 7");
  CHECK(words(stat('Z', 1, 11 | 0x80), "0", "") ==
        "zombie: killed by SIGSEGV (core dumped), not yet collected by its parent 7");
  CHECK(words(stat('Z', 4), "0", "") == "the main thread has ended, 3 threads are left");
  CHECK(words("broken", "0", "") == "");
  CHECK(wait_summary(RawStore{}, 42) == "");
}

TEST_CASE("process_memory: mappings, arguments, environment, rollup of a postmaster") {
  RawStore store = recorded("proc-postgres", 42, {"maps", "cmdline", "environ", "smaps_rollup"});
  Snapshot snapshot = snapshot_of(42);
  parse_process_memory(store, snapshot);
  REQUIRE(snapshot.process.mappings);
  CHECK(snapshot.process.mappings->size() > 50);
  REQUIRE(snapshot.process.command_line);
  CHECK(snapshot.process.command_line->front() == "/usr/lib/postgresql/15/bin/postgres");
  REQUIRE(snapshot.process.environment);
  CHECK(snapshot.process.environment->at("LANG") == "C.UTF-8");
  REQUIRE(snapshot.process.rollup);
  CHECK(snapshot.process.rollup->pss > 0);
}

TEST_CASE("process_memory: what was skipped or malformed is told") {
  RawStore store;
  add(store, "raw/proc/42/maps", "1000-2000 rw-p 00000000 00:00 0 \nbroken\n");
  add(store, "raw/proc/42/environ", std::string(50, '\0'));
  add_failed(store, "raw/proc/42/smaps_rollup", Status::kSkipped, "resident size 12 GiB is above the limit");
  add_failed(store, "raw/proc/42/cmdline", Status::kTimeout, "no answer within 1.50 s");
  Snapshot snapshot = snapshot_of(42);
  parse_process_memory(store, snapshot);
  REQUIRE_FALSE(snapshot.process.mappings);
  CHECK(snapshot.process.mappings.why().where == "raw/proc/42/maps:2");
  REQUIRE_FALSE(snapshot.process.environment);
  CHECK(snapshot.process.environment.why().detail == "the program wrote its title over its environment");
  REQUIRE_FALSE(snapshot.process.rollup);
  CHECK(snapshot.process.rollup.why().code == ErrorCode::kSkipped);
  REQUIRE_FALSE(snapshot.process.command_line);
  CHECK(snapshot.process.command_line.why().code == ErrorCode::kTimeout);
  add(store, "raw/proc/42/maps", "");
  parse_process_memory(store, snapshot);
  REQUIRE_FALSE(snapshot.process.mappings);
  CHECK(snapshot.process.mappings.why().code == ErrorCode::kGone);
}

TEST_CASE("namespaces: compared with ours, and a kind that we lack is not ours") {
  std::string links;
  append_section(links, "cwd", "/srv/web");
  append_failed_section(links, "root", Error{ErrorCode::kDenied, "", "needs CAP_SYS_PTRACE", 13});
  append_section(links, "ns/net", "net:[4026531840]");
  append_section(links, "self/ns/net", "net:[4026531840]");
  append_section(links, "ns/pid", "pid:[4026532000]");
  append_section(links, "self/ns/pid", "pid:[4026531836]");
  append_section(links, "ns/time", "time:[1]");
  append_failed_section(links, "self/ns/time", Error{ErrorCode::kGone, "", "", 2});
  RawStore store;
  add(store, "raw/proc/42/links.bundle", links);
  Snapshot snapshot = snapshot_of(42);
  parse_namespaces(store, snapshot);
  REQUIRE(snapshot.process.namespaces);
  REQUIRE(snapshot.process.namespaces->size() == 3);
  CHECK((*snapshot.process.namespaces)[0].same_as_ours);
  CHECK((*snapshot.process.namespaces)[0].inode == 4026531840);
  CHECK_FALSE((*snapshot.process.namespaces)[1].same_as_ours);
  CHECK_FALSE((*snapshot.process.namespaces)[2].same_as_ours);
  CHECK(*snapshot.process.cwd == "/srv/web");
  REQUIRE_FALSE(snapshot.process.root);
  CHECK(snapshot.process.root.why().code == ErrorCode::kDenied);
}

TEST_CASE("process_tree: children with a zombie, ancestors nearest first") {
  std::string tree;
  append_section(tree, "ancestors/7/stat", "7 (sshd) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100 1 2\n");
  append_section(tree, "ancestors/1/stat", "1 (init) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 1 2\n");
  append_section(tree, "children/50/stat", read_fixture("proc-zombie/stat"));
  append_section(tree, "children/51/stat", read_fixture("proc-odd-names/stat"));
  append_section(tree, "children/51/cmdline",
                 std::string("web\0--port\0"
                             "80\0",
                             14));
  append_section(tree, "children/51/stat", read_fixture("proc-odd-names/stat"));  // told twice after a restart
  append_section(tree, "children/52/stat", "broken");
  append_section(tree, "children/x/stat", read_fixture("proc-zombie/stat"));
  RawStore store;
  add(store, "raw/host/constants", "clock_ticks 100\npage_size 4096\nboottime_ns 5000000000000\n");
  add(store, "raw/proc/42/tree.bundle", tree);
  Snapshot snapshot = snapshot_of(42);
  parse_process_tree(store, snapshot);
  REQUIRE(snapshot.process.children);
  const auto& children = *snapshot.process.children;
  REQUIRE(children.size() == 2);
  CHECK(children[0].state == 'Z');
  CHECK(children[0].rss_bytes == 0);
  CHECK(children[1].cmdline == "web --port 80");
  CHECK(children[1].rss_bytes == 2301 * 4096);
  CHECK(children[1].age_seconds == Approx(5000 - 2835.72));
  REQUIRE(snapshot.process.ancestors);
  REQUIRE(snapshot.process.ancestors->size() == 2);
  CHECK(snapshot.process.ancestors->front().comm == "sshd");
  CHECK(snapshot.process.ancestors->back().pid == 1);
}

TEST_CASE("process collectors: an empty archive gives reasons, not values") {
  RawStore store;
  Snapshot snapshot = snapshot_of(42);
  for (auto parse :
       {parse_process, parse_process_facts, parse_process_memory, parse_process_tree, parse_namespaces, parse_cgroup})
    parse(store, snapshot);
  const Process& process = snapshot.process;
  CHECK_FALSE(process.status);
  CHECK_FALSE(process.limits);
  CHECK_FALSE(process.mappings);
  CHECK_FALSE(process.children);
  CHECK_FALSE(process.namespaces);
  CHECK_FALSE(process.cgroup);
  CHECK_FALSE(process.oom_score);
  CHECK(process.wait_summary.empty());
}
