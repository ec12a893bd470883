#include <catch2/catch.hpp>

#include "collector/proc/host_stat.h"
#include "collector/proc/interrupts.h"
#include "collector/proc/kernel_words.h"
#include "collector/proc/loadavg.h"
#include "collector/proc/meminfo.h"
#include "collector/proc/vmstat.h"

using namespace ec;

TEST_CASE("/proc/stat: the sum, the CPUs that are online, and the counters") {
  auto stat = parse_host_stat("/proc/stat",
                              "cpu  141384 10 32541 455692 1042 3 239 332 7 2\n"
                              "cpu0 68083 0 15146 231873 163 0 40 167 0 0\n"
                              "cpu3 73301 0 17394 223818 878 0 199 164 0 0\n"
                              "intr 2199 1 0 0\nctxt 5555\nbtime 1795150000\nprocesses 4242\nprocs_running 4\n"
                              "procs_blocked 2\nsoftirq 1 2 3\n");
  REQUIRE(stat);
  REQUIRE(stat->cpus.size() == 3);
  CHECK(stat->cpus[0].cpu == -1);
  CHECK(stat->cpus[0].steal == 332);
  CHECK(stat->cpus[0].guest == 7);
  CHECK(stat->cpus[0].guest_nice == 2);
  CHECK(stat->cpus[2].cpu == 3);
  CHECK(stat->interrupts == 2199);
  CHECK(stat->context_switches == 5555);
  CHECK(stat->forks == 4242);
  CHECK(stat->running == 4);
  CHECK(stat->blocked == 2);
  CHECK(stat->boot_time == 1795150000);
}

TEST_CASE("/proc/stat of an old kernel has four times") {
  auto stat = parse_host_stat("s", "cpu 1 2 3 4\n");
  REQUIRE(stat);
  CHECK(stat->cpus[0].idle == 4);
  CHECK(stat->cpus[0].iowait == 0);
}

TEST_CASE("/proc/stat: malformed lines have their number") {
  CHECK(parse_host_stat("s", "cpu 1 2 3 4\ncpu0 1 2 x 4\n").error().where == "s:2");
  CHECK(parse_host_stat("s", "cpu 1 2 3\n").error().where == "s:1");
  CHECK(parse_host_stat("s", "cpu 1 2 3 4 five\n").error().code == ErrorCode::kMalformed);
  CHECK(parse_host_stat("s", "cpu 1 2 3 4\nctxt\n").error().where == "s:2");
  CHECK(parse_host_stat("s", "").error().code == ErrorCode::kTruncated);
  CHECK(parse_host_stat("s", "ctxt 4\n").error().code == ErrorCode::kTruncated);
}

TEST_CASE("meminfo: kB become bytes, counts stay") {
  auto values =
      parse_meminfo("/proc/meminfo", "MemTotal:       24684092 kB\nActive(anon):  8 kB\nHugePages_Total:      12\n");
  REQUIRE(values);
  CHECK(values->at("MemTotal") == 24684092ull * 1024);
  CHECK(values->at("Active(anon)") == 8192);
  CHECK(values->at("HugePages_Total") == 12);
}

TEST_CASE("meminfo of a NUMA node") {
  auto values = parse_meminfo("node0/meminfo", "Node 0 MemTotal:        5242880 kB\nNode 0 MemFree:  1024 kB\n");
  REQUIRE(values);
  CHECK(values->at("MemFree") == 1024 * 1024);
}

TEST_CASE("meminfo: malformed") {
  CHECK(parse_meminfo("m", "MemTotal: 1 kB\nMemFree 2 kB\n").error().where == "m:2");
  CHECK(parse_meminfo("m", "MemTotal: 99999999999999999 kB\n").error().code == ErrorCode::kMalformed);
  CHECK(parse_meminfo("m", "MemFree: 2 kB\n").error().code == ErrorCode::kTruncated);
}

TEST_CASE("vmstat: names and numbers, and reclaim counters of old kernels are summed over the zones") {
  auto counters =
      parse_named_counters("v",
                           "pgscan_direct 5\npgscan_direct_throttle 99\nallocstall_dma 1\nallocstall_normal 2\n"
                           "allocstall_movable 3\nnr_dirty -4\n");
  REQUIRE(counters);
  CHECK(zoned_counter(*counters, "pgscan_direct") == 5);
  CHECK(zoned_counter(*counters, "allocstall") == 6);
  CHECK(zoned_counter(*counters, "nr_dirty") == 0);
  CHECK(zoned_counter(*counters, "absent") == 0);
  CHECK(parse_named_counters("v", "a 1\nb\n").error().where == "v:2");
  CHECK(parse_named_counters("v", "").error().code == ErrorCode::kTruncated);
}

TEST_CASE("loadavg and uptime") {
  auto load = parse_loadavg("/proc/loadavg", "0.31 0.40 12.52 2/813 40197\n");
  REQUIRE(load);
  CHECK(load->load15 == Approx(12.52));
  CHECK(load->running == 2);
  CHECK(load->tasks == 813);
  CHECK(parse_loadavg("l", "0.31 0.40 nan 2/813 4").error().where == "l:1");
  CHECK_FALSE(parse_loadavg("l", "0.31 0.40 0.52 2813 4"));
  CHECK_FALSE(parse_loadavg("l", ""));
  CHECK(parse_uptime("u", "70112.93 134022.11\n").value() == Approx(70112.93));
  CHECK_FALSE(parse_uptime("u", "-1 2"));
  CHECK_FALSE(parse_uptime("u", ""));
}

TEST_CASE("interrupts: sums over CPUs, with what they are") {
  auto counts = parse_interrupts("i",
                                 "           CPU0       CPU1       \n"
                                 " 24:          1          2  IO-APIC   5-edge      ACPI:Ged\n"
                                 "LOC:    1000000         12   Local timer interrupts\n"
                                 "ERR:          3\nMIS:          0\n");
  REQUIRE(counts);
  REQUIRE(counts->size() == 4);
  CHECK((*counts)[0].name == "24");
  CHECK((*counts)[0].description == "IO-APIC 5-edge ACPI:Ged");
  CHECK((*counts)[0].total == 3);
  CHECK((*counts)[1].total == 1000012);
  CHECK((*counts)[2].total == 3);
  CHECK((*counts)[2].description.empty());
}

TEST_CASE("interrupts: malformed") {
  CHECK(parse_interrupts("i", "").error().code == ErrorCode::kTruncated);
  CHECK(parse_interrupts("i", "CPU0\n24 1\n").error().where == "i:2");
  CHECK(parse_interrupts("i", "CPU0\n24: x\n").error().where == "i:2");
}

TEST_CASE("os-release: quotes and comments") {
  auto values = parse_os_release(
      "# c\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nX='a b'\nY=\"a \\\"b\\\"\"\nnonsense\n");
  CHECK(values["PRETTY_NAME"] == "Debian GNU/Linux 12 (bookworm)");
  CHECK(values["ID"] == "debian");
  CHECK(values["X"] == "a b");
  CHECK(values["Y"] == "a \"b\"");
}

TEST_CASE("taint in words") {
  CHECK(parse_taint("t", "0\n")->empty());
  auto words = parse_taint("t", "12801\n");
  REQUIRE(words);
  CHECK(*words == std::vector<std::string>{"P: proprietary module loaded", "W: kernel issued a warning",
                                           "O: out-of-tree module loaded", "E: unsigned module loaded"});
  CHECK(parse_taint("t", "9223372036854775808\n")->at(0) == "bit 63");
  CHECK(parse_taint("t", "x").error().where == "t:1");
}

TEST_CASE("modules in words") {
  auto modules = parse_modules("m",
                               "nf_tables 278528 4 nft_chain_nat,nft_limit, Live 0x0000000000000000\n"
                               "zfs 4096000 1 - Loading 0x0 (POE)\n");
  REQUIRE(modules);
  CHECK((*modules)[0] == "nf_tables (272 KiB, used by 4)");
  CHECK((*modules)[1] == "zfs (3.9 MiB, used by 1, Loading, POE)");
  CHECK(parse_modules("m", "a 1\n").error().where == "m:1");
}
