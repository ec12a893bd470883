#include <algorithm>
#include <catch2/catch.hpp>

#include "collector/analysis/words.h"
#include "collector/collectors/collector.h"
#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

namespace {

ArtifactRow row(std::string path, Status status, std::string reason, std::string fix = "") {
  ArtifactRow row;
  row.path = std::move(path), row.status = status, row.reason = std::move(reason), row.fix = std::move(fix);
  return row;
}

// One line each: "what: reason -> fix".
std::vector<std::string> lines(const Snapshot& snapshot) {
  std::vector<std::string> text;
  for (auto& gap : not_examined(snapshot))
    text.push_back(gap.what + ": " + gap.reason + (gap.fix.empty() ? "" : " -> " + gap.fix));
  return text;
}

size_t for_live_processes() {
  const auto table = collector_table();
  return static_cast<size_t>(
      std::count_if(table.begin(), table.end(), [](const Collector& c) { return c.applies(false); }));
}
// "26 of 28 collectors".
std::string collectors(size_t left_out) {
  return std::to_string(left_out) + " of " + std::to_string(for_live_processes()) + " collectors";
}
size_t all_but(size_t left_in) { return for_live_processes() - left_in; }

using Lines = std::vector<std::string>;

// As a replay leaves the parts whose collectors did not run.
void not_collected(Snapshot& s) {
  auto missing = [](const char* path) { return Error{ErrorCode::kNotFound, path, "not collected", 0}; };
  s.process.limits = missing("raw/proc/42/limits");
  s.threads = missing("raw/proc/42/task.bundle");
  s.stacks = missing("raw/stacks.json");
  s.files = missing("raw/proc/42/fd.bundle");
  s.host.memory = missing("raw/proc/meminfo");
}

Snapshot healthy_with_stacks() {
  Snapshot s = healthy();
  s.stacks = Stacks{};
  s.stacks->pause.mode = s.stacks->pause.asked = "auto";
  return s;
}

}  // namespace

TEST_CASE("nothing is missing of a healthy process") { CHECK(lines(healthy_with_stacks()).empty()); }

TEST_CASE("a thread dump of a JVM is missing where there is a JVM only") {
  const std::string path = "raw/jvm/threaddump.txt";
  Snapshot s = healthy_with_stacks();
  s.jvm = Error{ErrorCode::kNotFound, path, "not collected", 0};
  CHECK(lines(s).empty());
  s.artifacts.push_back(row(path, Status::kSkipped, "it has no attach socket", "--jvm-attach"));
  s.jvm = Error{ErrorCode::kSkipped, path, "it has no attach socket", 0};
  CHECK(lines(s) == Lines{"thread dump of the JVM: it has no attach socket -> --jvm-attach"});
}

TEST_CASE("what --only left out is one line, and the verdict claims no more than what was looked at") {
  Snapshot s = healthy();
  s.run.options["only"] = "process,endpoint";
  not_collected(s);
  CHECK(lines(s) == Lines{"left out by --only: all collectors but process and endpoint -> run without --only"});
  CHECK(verdict(s, {}) == "Nothing unusual was found in what was examined of redis-server (pid 42); " +
                              collectors(all_but(2)) + " were left out by --only.");
  CHECK(verdict(s, {{"disk-full", Severity::kHigh, "/: full", "The disk is full. Bad.", {}}}) ==
        "The disk is full; " + collectors(all_but(2)) + " were left out by --only.");
}

TEST_CASE("what --skip left out is one line, and with both options each has its own") {
  Snapshot s = healthy();
  s.run.options["skip"] = "stacks,endpoint";
  s.stacks = Error{ErrorCode::kNotFound, "raw/stacks.json", "not collected", 0};
  CHECK(lines(s) == Lines{"left out by --skip: stacks and endpoint -> run without --skip"});
  CHECK(verdict(s, {}).ends_with("; " + collectors(2) + " were left out by --skip."));
  s.run.options["only"] = "process,threads,stacks";
  auto both = lines(s);
  REQUIRE(both.size() == 2);
  CHECK(both[0] == "left out by --only: all collectors but threads and process -> run without --only");
  CHECK(both[1] == "left out by --skip: stacks and endpoint -> run without --skip");
  CHECK(verdict(s, {}).ends_with("; " + collectors(all_but(2)) + " were left out by --only and --skip."));
}

TEST_CASE("where most is left out, what is left in is named") {
  Snapshot s = healthy_with_stacks();
  std::string most;
  for (const Collector& collector : collector_table())
    if (collector.name != "stacks") most += (most.empty() ? "" : ",") + std::string(collector.name);
  s.run.options["skip"] = most;
  CHECK(lines(s) == Lines{"left out by --skip: all collectors but stacks -> run without --skip"});
}

TEST_CASE("what failed in spite of --only is still told") {
  Snapshot s = healthy_with_stacks();
  s.run.options["only"] = "process";
  s.artifacts = {row("raw/proc/42/io", Status::kFailed, "/proc/42/io: Permission denied", "run as root")};
  s.files = Error{ErrorCode::kIo, "raw/proc/42/fd.bundle", "the helper process ended early", 0};
  CHECK(lines(s).size() == 3);
  CHECK(verdict(s, {}).find("; but its open files could not be examined") != std::string::npos);
}

TEST_CASE("a kernel thread has no memory: one line, whatever says so") {
  Snapshot s = healthy();
  s.process.status->kernel_thread = true;
  s.artifacts = {row("raw/stacks.json", Status::kSkipped, "/proc/42/task/42/maps: no memory map"),
                 row("raw/proc/42/auxv", Status::kSkipped, "/proc/42/auxv: a kernel thread has no memory of its own")};
  s.stacks = Error{ErrorCode::kSkipped, "raw/stacks.json", "no memory map", 0};
  s.executable = Error{ErrorCode::kUnsupported, "exe/link", "a kernel thread has no executable", 0};
  CHECK(lines(s) == Lines{"memory, files and user stack: a kernel thread has none"});
  for (auto& figure : figures(s)) CHECK((figure.key != "process.rss_bytes" && figure.key != "process.open_files"));
  CHECK(verdict(s, {}).find("could not be examined") == std::string::npos);
  s.artifacts.push_back(row("raw/proc/42/io", Status::kFailed, "/proc/42/io: Permission denied", "run as root"));
  CHECK(lines(s).size() == 2);  // what it has and was refused is missing all the same
}

TEST_CASE("a zombie has nothing left, its parent has") {
  Snapshot s = healthy();
  s.process.status->state = 'Z', s.process.status->threads = 1;
  s.process.mappings = Error{ErrorCode::kSkipped, "raw/proc/42/maps", "a zombie has none", 0};
  s.sockets = Error{ErrorCode::kNotFound, "raw/sock_diag/tcp4.bin", "not collected", 0};
  CHECK(lines(s) ==
        Lines{"memory, files, sockets, namespaces and stacks: a zombie has none: it has ended, and only its "
              "exit status is left -> look at its parent: --pid 1"});
  // A main thread that has ended while others live is shown as Z too.
  s.process.status->threads = 3;
  CHECK(lines(s).front().find("zombie has none: it has ended") == std::string::npos);
}

TEST_CASE("what this kernel does not offer is not listed, what a boot parameter brings is") {
  Snapshot s = healthy_with_stacks();
  s.artifacts = {row("raw/proc/modules", Status::kSkipped, "/proc/modules: this kernel has no loadable modules"),
                 row("raw/host/utmp", Status::kSkipped, "/run/utmp: this system keeps no list of logins"),
                 row("raw/proc/pressure/cpu", Status::kSkipped,
                     "/proc/pressure/cpu: pressure accounting is switched off", "boot with psi=1"),
                 row("raw/proc/42/environ", Status::kSkipped, "another file that needs the lock did not answer")};
  CHECK(lines(s) == Lines{"proc/pressure/cpu: pressure accounting is switched off -> boot with psi=1",
                          "proc/42/environ: another file that needs the lock did not answer"});
}

TEST_CASE("stacks that were not wanted are one line") {
  Snapshot s = healthy_with_stacks();
  s.artifacts = {row("raw/user_stacks", Status::kSkipped, "--stacks none", "--stacks auto")};
  s.stacks->pause.mode = s.stacks->pause.asked = "none";
  CHECK(lines(s) == Lines{"stacks: left out by --stacks none -> --stacks auto"});
  s.artifacts.front().reason = "--stacks kernel";
  s.stacks->pause.mode = s.stacks->pause.asked = "kernel";
  CHECK(lines(s) == Lines{"user stacks: left out by --stacks kernel -> --stacks auto"});
}

TEST_CASE("an endpoint that was not wanted is one line") {
  Snapshot s = healthy_with_stacks();
  s.artifacts = {row("raw/runtime.json", Status::kSkipped, "--endpoint none", "--endpoint auto"),
                 row("raw/endpoint.json", Status::kSkipped, "--endpoint none", "--endpoint auto")};
  s.endpoints = Error{ErrorCode::kSkipped, "raw/endpoint.json", "--endpoint none", 0};
  CHECK(lines(s) == Lines{"debug endpoint: left out by --endpoint none -> --endpoint auto"});
}

TEST_CASE("an ordinary user reads one line for each privilege that would help") {
  const std::string ptrace = "run as root or as the user of the process, or with CAP_SYS_PTRACE";
  Snapshot s = healthy_with_stacks();
  s.run.privileges_missing = {"CAP_SYS_PTRACE: stacks, memory maps and descriptors of other users' processes",
                              "CAP_SYS_ADMIN: kernel stacks", "CAP_SYSLOG: the kernel log",
                              "CAP_NET_ADMIN: socket memory of other users"};
  for (const char* name : {"maps", "io", "auxv", "environ", "fd.bundle"})
    s.artifacts.push_back(row(std::string("raw/proc/42/") + name, Status::kFailed,
                              std::string("/proc/42/") + name + ": Permission denied", ptrace));
  s.artifacts.push_back(
      row("raw/proc/42/syscall", Status::kFailed, "/proc/42/syscall: Operation not permitted", ptrace));
  s.artifacts.push_back(
      row("raw/kmsg.txt", Status::kFailed, "/dev/kmsg: Operation not permitted", "run as root, or with CAP_SYSLOG"));
  auto denied = [](const char* path, const char* file) {
    return Error{ErrorCode::kIo, path, std::string(file) + ": Permission denied", 0};
  };
  s.process.mappings = denied("raw/proc/42/maps", "/proc/42/maps");
  s.process.environment = denied("raw/proc/42/environ", "/proc/42/environ");
  s.files = denied("raw/proc/42/fd.bundle", "/proc/42/fd");
  s.executable = Error{ErrorCode::kDenied, "exe/link", "", 13};
  s.host.kernel_log = denied("raw/kmsg.txt", "/dev/kmsg");
  CHECK(lines(s) == Lines{"environment, executable, memory map, open files and 3 more: "
                          "Permission denied -> " +
                              ptrace,
                          "kernel log: Operation not permitted -> run as root, or with CAP_SYSLOG",
                          "kernel stacks; socket memory of other users: missing privileges -> run as root, or with "
                          "CAP_SYS_ADMIN and CAP_NET_ADMIN"});
  s.run.root = true;
  CHECK(
      lines(s).back().ends_with("-> give this root CAP_SYS_ADMIN and CAP_NET_ADMIN (a container: --cap-add SYS_ADMIN "
                                "--cap-add NET_ADMIN)"));
}

TEST_CASE("threads without a stack are told once, not by their artifact again") {
  Snapshot s = healthy_with_stacks();
  s.stacks->threads = {{42, "no-stop", std::nullopt, 0, false, "it ran all the time"}};
  s.artifacts = {row("raw/stacks.json", Status::kPartial, "1 of 1 threads without a user stack, e.g. 42: it ran")};
  CHECK(lines(s) == Lines{"user stacks of 1 thread: it ran all the time"});
}

TEST_CASE("threads that may not be traced, and a refusal inside a reason, have a fix") {
  Snapshot s = healthy_with_stacks();
  s.run.root = true;
  s.run.privileges_missing = {"CAP_SYS_PTRACE: stacks"};
  s.stacks->threads = {{42, "no-stop", std::nullopt, 0, false, "ptrace: Operation not permitted"}};
  const std::string fix = "give this root CAP_SYS_PTRACE (a container: --cap-add SYS_PTRACE)";
  s.artifacts = {
      row("raw/proc/42/io", Status::kFailed, "/proc/42/io: Permission denied", fix),
      row("raw/proc/42/net/tcp", Status::kPartial, "sock_diag gave nothing (/proc/42/ns/net: Permission denied)")};
  CHECK(lines(s) ==
        Lines{"user stacks of 1 thread and proc/42/io: Operation not permitted -> " + fix,
              "proc/42/net/tcp (in part): sock_diag gave nothing (/proc/42/ns/net: Permission denied) -> " + fix});
}
