#include <elf.h>

#include "collector/proc/auxv.h"
#include "collector/proc/cmdline.h"
#include "collector/proc/limits.h"
#include "collector/proc/passwd.h"
#include "collector/proc/pid_io.h"
#include "collector/proc/pid_schedstat.h"
#include "collector/proc/pid_timers.h"
#include "collector/proc/smaps_rollup.h"
#include "collector/proc/statm.h"
#include "process_fixture.h"

using namespace ec;

TEST_CASE("limits: numbers and unlimited") {
  auto limits = parse_limits("limits", read_fixture("proc-postgres/limits"));
  REQUIRE(limits);
  CHECK(limits->size() == 16);
  CHECK(limits->at("Max open files").soft == 20000u);
  CHECK(limits->at("Max open files").unit == "files");
  CHECK(limits->at("Max stack size").soft == 8388608u);
  CHECK_FALSE(limits->at("Max stack size").hard.has_value());
  CHECK(limits->at("Max nice priority").unit == "");
}

TEST_CASE("limits: malformed lines are named by number") {
  const std::string header = "Limit                     Soft Limit           Hard Limit           Units     \n";
  for (const char* line :
       {"Max cpu time", "Max cpu time              ", "Max cpu time              1", "Max cpu time              1 x"}) {
    INFO(line);
    auto limits = parse_limits("/proc/1/limits", header + line + "\n");
    REQUIRE_FALSE(limits);
    CHECK(limits.error().where == "/proc/1/limits:2");
  }
  CHECK(parse_limits("x", "").error().code == ErrorCode::kTruncated);
  CHECK(parse_limits("x", "Max cpu time 1 2\n").error().where == "x:1");
}

TEST_CASE("smaps_rollup: bytes of a postmaster") {
  auto rollup = parse_smaps_rollup("smaps_rollup", read_fixture("proc-postgres/smaps_rollup"));
  REQUIRE(rollup);
  CHECK(rollup->rss > 1u << 20);
  CHECK(rollup->rss % 1024 == 0);
  CHECK(rollup->pss <= rollup->rss);
  CHECK(rollup->rss == rollup->shared_clean + rollup->shared_dirty + rollup->private_clean + rollup->private_dirty);
  CHECK(parse_smaps_rollup("x", "").error().code == ErrorCode::kTruncated);
  CHECK(parse_smaps_rollup("x", "range\nRss: 1 MB\n").error().where == "x:2");
  CHECK(parse_smaps_rollup("x", "range\nRss: 1 kB\nPss\n").error().where == "x:3");
}

TEST_CASE("statm, io and schedstat: counters of a postmaster") {
  auto statm = parse_statm("statm", read_fixture("proc-postgres/statm"));
  REQUIRE(statm);
  CHECK(statm->size_pages > statm->resident_pages);
  CHECK(parse_statm("x", "1 2 3\n").error().where == "x:1");
  auto io = parse_pid_io("io", read_fixture("proc-postgres/io"));
  REQUIRE(io);
  CHECK(io->read_chars > 0);
  CHECK(io->read_syscalls > 0);
  CHECK(parse_pid_io("x", "rchar: 1\nwchar: x\n").error().where == "x:2");
  CHECK(parse_pid_io("x", "rchar: 1\n").error().code == ErrorCode::kTruncated);
  auto schedstat = parse_pid_schedstat("schedstat", read_fixture("proc-postgres/schedstat"));
  REQUIRE(schedstat);
  CHECK(schedstat->on_cpu_ns > 0);
  CHECK(parse_pid_schedstat("x", "1 2\n").error().where == "x:1");
  CHECK(parse_pid_schedstat("x", "").error().code == ErrorCode::kMalformed);
}

TEST_CASE("auxv: page size and entry of a 64-bit process") {
  auto auxv = parse_auxv("auxv", read_fixture("proc-postgres/auxv"));
  REQUIRE(auxv);
  CHECK(auxv->word_bytes == 8);
  CHECK(auxv->value(AT_PAGESZ) == 4096u);
  CHECK(auxv->value(AT_ENTRY).value_or(0) != 0);
  CHECK(auxv->value(AT_SYSINFO_EHDR).has_value());
  CHECK_FALSE(auxv->value(12345).has_value());
  CHECK(auxv_name(AT_BASE) == "AT_BASE");
  CHECK(auxv_name(999) == "AT_999");
}

TEST_CASE("auxv: 32-bit words, nothing, and cut short") {
  const uint32_t words[] = {AT_PAGESZ, 4096, AT_UID, 0, AT_ENTRY, 0x8048000, AT_NULL, 0};
  auto narrow = parse_auxv("auxv", std::string_view(reinterpret_cast<const char*>(words), sizeof words));
  REQUIRE(narrow);
  CHECK(narrow->word_bytes == 4);
  CHECK(narrow->entries.size() == 3);
  auto empty = parse_auxv("auxv", "");
  REQUIRE(empty);
  CHECK(empty->entries.empty());
  std::string whole = read_fixture("proc-postgres/auxv");
  CHECK_FALSE(parse_auxv("auxv", std::string_view(whole).substr(0, 32)));
  CHECK(parse_auxv("auxv", std::string_view(whole).substr(0, 33)).error().code == ErrorCode::kTruncated);
}

TEST_CASE("cmdline: arguments, titles and their filling") {
  using Arguments = std::vector<std::string>;
  CHECK(parse_cmdline(read_fixture("proc-redis/cmdline"))[0] == "redis-server *:63999");
  CHECK(parse_cmdline(read_fixture("proc-nginx-worker/cmdline")) == Arguments{"nginx: worker process"});
  CHECK(parse_cmdline(read_fixture("proc-postgres/cmdline"))[1] == "-D");
  using namespace std::string_view_literals;
  CHECK(parse_cmdline("grep\0\0"sv) == Arguments{"grep", ""});
  CHECK(parse_cmdline("title   \0\0\0\0"sv) == Arguments{"title"});
  CHECK(parse_cmdline("a\0\0\0b"sv) == Arguments{"a", "", "", "b"});
  CHECK(parse_cmdline("").empty());
  CHECK(parse_cmdline("\0\0\0"sv).empty());
}

TEST_CASE("environ: names and values") {
  auto variables = parse_environ(read_fixture("proc-postgres/environ"));
  CHECK(variables.at("LANG") == "C.UTF-8");
  CHECK(variables.size() == 3);
  // Redis writes its title over the place of its environment.
  CHECK(parse_environ(read_fixture("proc-redis/environ")).empty());
  using namespace std::string_view_literals;
  auto odd = parse_environ("A=1\0A=2\0noequals\0=x\0\0B=a=b\0C=\0half"sv);
  CHECK(odd.at("A") == "1");
  CHECK(odd.at("noequals") == "");
  CHECK(odd.at("") == "x");
  CHECK(odd.at("B") == "a=b");
  CHECK(odd.at("C") == "");
  CHECK(odd.at("half") == "");
}

TEST_CASE("timers: three kinds in words") {
  auto timers = parse_pid_timers("timers", read_fixture("proc-odd-names/timers"));
  REQUIRE(timers);
  REQUIRE(timers->size() == 3);
  CHECK(timer_words((*timers)[0]) == "timer 2 on CLOCK_BOOTTIME tells nobody");
  std::string receiver = std::to_string((*timers)[1].receiver);
  CHECK(timer_words((*timers)[1]) == "timer 1 on CLOCK_REALTIME sends SIGRTMIN to thread " + receiver);
  CHECK(timer_words((*timers)[2]) == "timer 0 on CLOCK_MONOTONIC sends SIGALRM to process " + receiver);
  CHECK(parse_pid_timers("x", "")->empty());
  CHECK(clock_name(-6) == "CPU clock -6");
  CHECK(clock_name(99) == "clock 99");
}

TEST_CASE("timers: malformed lines are named by number") {
  for (const char* line : {"no colon", "ID: x", "signal: x/1", "notify: signal", "notify: signal/pid",
                           "notify: signal/pid.x", "ClockID: "}) {
    INFO(line);
    auto timers = parse_pid_timers("t", std::string("ID: 1\n") + line + "\n");
    REQUIRE_FALSE(timers);
    CHECK(timers.error().where == "t:2");
  }
  CHECK(parse_pid_timers("t", "signal: 1/0\n").error().where == "t:1");
}

TEST_CASE("passwd and group: names of ids") {
  const char* passwd =
      "root:x:0:0:root:/root:/bin/bash\nbroken\n:x:5:5\npostgres:x:104:110:PostgreSQL,,,:/var/lib/postgresql:/bin/bash";
  CHECK(account_name(passwd, 0) == "root");
  CHECK(account_name(passwd, 104) == "postgres");
  CHECK(account_line(passwd, 0) == "root:x:0:0:root:/root:/bin/bash\n");
  CHECK(account_name(passwd, 5) == "");
  CHECK(account_name(passwd, 7) == "");
  CHECK(account_name("staff:x:50", 50) == "staff");
  CHECK(account_name("", 0) == "");
}

TEST_CASE("uid_map: ids inside of a user namespace") {
  CHECK(id_inside("         0       1000          1\n         1     100000      65536\n", 1000) == 0u);
  CHECK(id_inside("         0       1000          1\n         1     100000      65536\n", 100103) == 104u);
  CHECK(id_inside("0 1000 1\n", 7) == std::nullopt);
  CHECK(id_inside("0 0 4294967295\n", 33) == 33u);
  CHECK(id_inside("", 0) == std::nullopt);
  CHECK(id_inside("junk\n", 0) == std::nullopt);
}
