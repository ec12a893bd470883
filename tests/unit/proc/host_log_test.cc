#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "collector/proc/kmsg.h"
#include "collector/proc/oom_kill.h"
#include "collector/proc/utmp.h"

using namespace ec;

namespace {

std::string fixture(const std::string& name) {
  std::ifstream stream(std::string(EC_FIXTURES) + "/" + name, std::ios::binary);
  REQUIRE(stream);
  return std::string((std::istreambuf_iterator<char>(stream)), {});
}

// One record of utmp(5) as a machine with 32-bit (384 bytes) or 64-bit (400 bytes) time stamps writes it.
std::string utmp_record(int16_t type, std::string line, std::string user, std::string host, int64_t since, bool wide) {
  std::string bytes(wide ? 400 : 384, '\0');
  auto put = [&](size_t at, const void* data, size_t size) {
    bytes.replace(at, size, static_cast<const char*>(data), size);
  };
  int32_t pid = 77, narrow = static_cast<int32_t>(since);
  put(0, &type, sizeof type);
  put(4, &pid, sizeof pid);
  put(8, line.data(), line.size());
  put(44, user.data(), user.size());
  put(76, host.data(), host.size());
  if (wide)
    put(344, &since, sizeof since);
  else
    put(340, &narrow, sizeof narrow);
  return bytes;
}

}  // namespace

TEST_CASE("kmsg: records of /dev/kmsg, their dictionary lines left out") {
  auto log = parse_kmsg(
      "4,1202,90100000100,-;java invoked oom-killer\n SUBSYSTEM=net\n DEVICE=n2\n"
      "30,1203,90100000200,-,caller=T1;systemd[1]: a;b \\x1b[31mred\n");
  REQUIRE(log.size() == 2);
  CHECK(log[0].level == 4);
  CHECK(log[0].facility == 0);
  CHECK(log[0].seconds == Approx(90100.0001));
  CHECK(log[0].text == "java invoked oom-killer");
  CHECK(log[0].line == 1);
  CHECK(log[1].level == 6);
  CHECK(log[1].facility == 3);
  CHECK(log[1].text == "systemd[1]: a;b \xEF\xBF\xBD[31mred");
  CHECK(log[1].line == 4);
}

TEST_CASE("kmsg: the form of syslog(2), with and without times") {
  auto log = parse_kmsg("<6>[    5.140900] plain\n<3>[ 5193.505956][  T77] with caller\n<5>no time\nmore of it\n");
  REQUIRE(log.size() == 3);
  CHECK(log[0].text == "plain");
  CHECK(log[0].seconds == Approx(5.1409));
  CHECK(log[1].text == "with caller");
  CHECK(log[1].level == 3);
  CHECK_FALSE(log[2].has_time);
  CHECK(log[2].text == "no time more of it");
}

TEST_CASE("kmsg: a log cut at the front, and nonsense, cost only themselves") {
  auto log = parse_kmsg("half a line;\n6,1,2,-;whole\n9999999999999,1,2,-;x\n<>y\n");
  REQUIRE(log.size() == 1);
  CHECK(log[0].text.starts_with("whole"));
  CHECK(parse_kmsg("").empty());
}

TEST_CASE("OOM kills of a new kernel") {
  auto kills = find_oom_kills(parse_kmsg(fixture("host-oom/kmsg-6.1.txt")));
  REQUIRE(kills.size() == 4);
  CHECK(kills[0].pid == 63214);
  CHECK(kills[0].comm == "java");
  CHECK(kills[0].task_cgroup ==
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0330b2c1.slice/cri-containerd-0f1e.scope");
  CHECK(kills[0].limit_cgroup == "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0330b2c1.slice");
  CHECK(kills[0].memory_cgroup);
  CHECK(kills[0].anon_rss_bytes == 164992ull * 1024);
  CHECK(kills[0].seconds == Approx(90100.0004));
  CHECK(kills[0].line.starts_with("Memory cgroup out of memory: Killed process 63214"));
  // A name and a path with the characters that separate.
  CHECK(kills[1].pid == 771);
  CHECK(kills[1].comm == "odd) name");
  CHECK(kills[1].task_cgroup == "/system.slice/a,b.service");
  CHECK(kills[1].limit_cgroup.empty());
  CHECK_FALSE(kills[1].memory_cgroup);
  // All of a group.
  CHECK(kills[2].pid == 801);
  CHECK(kills[3].pid == 802);
  CHECK(kills[3].memory_cgroup);
}

TEST_CASE("what a user wrote into the kernel log is no OOM kill") {
  CHECK(find_oom_kills(parse_kmsg("12,1,2,-;Out of memory: Killed process 1 (init) total-vm:1kB\n")).empty());
}

TEST_CASE("OOM kills of an old kernel: a child is sacrificed, the cgroup comes first") {
  auto kills = find_oom_kills(parse_kmsg(fixture("host-oom/kmsg-3.10.txt")));
  REQUIRE(kills.size() == 2);
  CHECK(kills[0].pid == 28438);
  CHECK(kills[0].comm == "java");
  CHECK(kills[0].task_cgroup == "/kubepods/pod951f/0249");
  CHECK(kills[0].limit_cgroup == "/kubepods/pod951f");
  CHECK(kills[0].memory_cgroup);
  CHECK(kills[0].anon_rss_bytes == 466160ull * 1024);
  CHECK(kills[1].pid == 500);
  CHECK_FALSE(kills[1].memory_cgroup);
  CHECK(kills[1].task_cgroup.empty());
  CHECK(kills[1].line ==
        "Out of memory: Kill process 500 (mysqld) score 700 or sacrifice child · "
        "Killed process 500 (mysqld) total-vm:2025kB, anon-rss:1024kB, file-rss:13kB");
}

TEST_CASE("OOM kills: damaged lines") {
  CHECK(find_oom_kills(parse_kmsg("3,1,2,-;Out of memory: Killed process (x) total\n")).empty());
  CHECK(find_oom_kills(parse_kmsg("3,1,2,-;Out of memory: Killed process 99999999999 (x) total\n")).empty());
  CHECK(find_oom_kills(parse_kmsg("3,1,2,-;oom-kill:constraint=CONSTRAINT_MEMCG,pid=,uid=\n")).empty());
  CHECK(find_oom_kills(parse_kmsg("3,1,2,-;Out of memory: Killed process 7 (no end\n")).empty());
}

TEST_CASE("utmp of both layouts, and a record cut short that does not count") {
  for (bool wide : {false, true}) {
    std::string bytes = utmp_record(2, "~", "reboot", "6.1.0", 1795150000, wide) +
                        utmp_record(7, "pts/0", "alice", "10.0.0.9", 1795150100, wide) + std::string(100, 'x');
    auto records = parse_utmp(bytes, wide);
    REQUIRE(records.size() == 2);
    CHECK(records[1].type == 7);
    CHECK(records[1].pid == 77);
    CHECK(records[1].line == "pts/0");
    CHECK(records[1].user == "alice");
    CHECK(records[1].host == "10.0.0.9");
    CHECK(records[1].since == 1795150100);
  }
  CHECK(utmp_has_wide_times("aarch64"));
  CHECK_FALSE(utmp_has_wide_times("x86_64"));
  CHECK(parse_utmp("", false).empty());
}

TEST_CASE("a session of systemd-logind") {
  SessionFile session = parse_session_file(
      "# "
      "comment\nUID=1000\nUSER=bob\nTTY=pts/"
      "3\nREMOTE_HOST=10.1.2.3\nCLASS=user\nSTATE=active\nREALTIME=1795150000123456\n");
  CHECK(session.user == "bob");
  CHECK(session.terminal == "pts/3");
  CHECK(session.from == "10.1.2.3");
  CHECK(session.session_class == "user");
  CHECK(session.since == 1795150000);
}
