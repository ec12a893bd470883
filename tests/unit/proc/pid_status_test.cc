#include "collector/proc/pid_status.h"

#include "collector/proc/capabilities.h"
#include "collector/proc/signals.h"
#include "process_fixture.h"

using namespace ec;

TEST_CASE("pid_status: a PostgreSQL postmaster") {
  auto status = parse_pid_status("status", read_fixture("proc-postgres/status"));
  REQUIRE(status);
  CHECK(status->name == "postgres");
  CHECK(status->state == 'S');
  CHECK(status->pid == status->tgid);
  CHECK(status->uid[0] != 0);
  CHECK(status->uid[1] == status->uid[0]);
  CHECK_FALSE(status->groups.empty());
  CHECK(status->has_memory);
  CHECK(status->rss_bytes == status->rss_anon_bytes + status->rss_file_bytes + status->rss_shmem_bytes);
  CHECK(status->vm_peak_bytes >= status->vm_size_bytes);
  CHECK(status->threads == 1);
  CHECK(status->ns_pid == std::vector<int>{status->pid});
  CHECK(capability_names(status->capabilities_effective).empty());
  CHECK(status->no_new_privs == false);
  CHECK(seccomp_words(*status) == "off");
  CHECK(status->cpus_allowed == "0-1");
  auto caught = signal_names(status->signals_caught);
  CHECK(std::count(caught.begin(), caught.end(), "SIGHUP") == 1);
}

TEST_CASE("pid_status: name with a newline is unescaped") {
  auto status = parse_pid_status("status", read_fixture("proc-odd-names/status"));
  REQUIRE(status);
  CHECK(status->name == "a) R 1 (b\nc");
  auto escaped = parse_pid_status("status", "Name:\t back\\\\slash \nPid:\t1\n");
  REQUIRE(escaped);
  CHECK(escaped->name == " back\\slash ");
}

TEST_CASE("pid_status: kernel thread and zombie have no memory") {
  auto thread = parse_pid_status("status", read_fixture("proc-kernel-thread/status"));
  REQUIRE(thread);
  CHECK_FALSE(thread->has_memory);
  CHECK(thread->kernel_thread == true);
  CHECK(thread->rss_bytes == 0);
  auto zombie = parse_pid_status("status", read_fixture("proc-zombie/status"));
  REQUIRE(zombie);
  CHECK_FALSE(zombie->has_memory);
  CHECK(zombie->state == 'Z');
}

TEST_CASE("pid_status: a process in a PID namespace of its own shows both numbers") {
  auto status = parse_pid_status("status", read_fixture("proc-container/status"));
  REQUIRE(status);
  REQUIRE(status->ns_pid.size() == 2);
  CHECK(status->ns_pid.front() == status->pid);
  CHECK(status->ns_pid.back() < 10);
}

TEST_CASE("pid_status: security in words") {
  auto status =
      parse_pid_status("status",
                       "Pid:\t1\nSeccomp:\t2\nSeccomp_filters:\t2\nNoNewPrivs:\t1\nCapEff:\t0000000000000400\n"
                       "TracerPid:\t77\nCoreDumping:\t1\n");
  REQUIRE(status);
  CHECK(seccomp_words(*status) == "filter (2 filters)");
  CHECK(status->no_new_privs == true);
  CHECK(status->core_dumping == true);
  CHECK(status->tracer_pid == 77);
  CHECK(capability_names(status->capabilities_effective) == std::vector<std::string>{"cap_net_bind_service"});
  auto old = parse_pid_status("status", "Pid:\t1\nSeccomp:\t1\n");
  REQUIRE(old);
  CHECK(seccomp_words(*old) == "strict");
  CHECK_FALSE(old->no_new_privs.has_value());
  CHECK(seccomp_words(PidStatus{}) == "");
}

TEST_CASE("pid_status: malformed lines are named by number") {
  for (const char* line :
       {"no colon", "Pid:\tx", "Uid:\t0\t0\t0", "VmRSS:\tmany kB", "VmRSS:\t1 MB", "SigBlk:\txyz",
        "VmRSS:\t18446744073709551615 kB", "State:\t", "NSpid:\t1\tx", "Threads:\t-1", "Seccomp:\t?"}) {
    INFO(line);
    auto status = parse_pid_status("/proc/1/status", std::string("Name:\tx\nPid:\t1\n") + line + "\n");
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::kMalformed);
    CHECK(status.error().where == "/proc/1/status:3");
  }
  CHECK(parse_pid_status("x", "").error().code == ErrorCode::kTruncated);
  CHECK(parse_pid_status("x", "Name:\tx\n").error().code == ErrorCode::kTruncated);
}

TEST_CASE("capabilities: all, none, unknown bits") {
  CHECK(capability_names(0x1ffffffffff) == std::vector<std::string>{"all"});
  CHECK(capability_names(0x3ffffffffff) == std::vector<std::string>{"all"});
  CHECK(capability_names(0).empty());
  CHECK(capability_names(uint64_t{1} << 41) == std::vector<std::string>{"cap_41"});
  CHECK(capability_names(uint64_t{1} << 40) == std::vector<std::string>{"cap_checkpoint_restore"});
  // Docker's default set.
  auto docker = capability_names(0xa80425fb);
  CHECK(docker.size() == 14);
  CHECK(docker.front() == "cap_chown");
  CHECK(docker.back() == "cap_setfcap");
}

TEST_CASE("signals: names of numbers and masks") {
  CHECK(signal_name(9) == "SIGKILL");
  CHECK(signal_name(17) == "SIGCHLD");
  CHECK(signal_name(29) == "SIGIO");
  CHECK(signal_name(31) == "SIGSYS");
  CHECK(signal_name(32) == "SIG32");
  CHECK(signal_name(34) == "SIGRTMIN");
  CHECK(signal_name(64) == "SIGRTMIN+30");
  CHECK(signal_name(0) == "signal 0");
  CHECK(signal_name(65) == "signal 65");
  CHECK(signal_names(0x1000 | 0x1) == std::vector<std::string>{"SIGHUP", "SIGPIPE"});
  CHECK(signal_names(~uint64_t{0}).size() == 64);
}
