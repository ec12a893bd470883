#include <algorithm>
#include <catch2/catch.hpp>

#include "collector/collectors/host_cpu.h"
#include "collector/collectors/host_disks.h"
#include "collector/collectors/host_memory.h"
#include "collector/collectors/host_pressure.h"
#include "collector/collectors/network.h"
#include "host_store.h"

using namespace ec;
using namespace ec::test;

TEST_CASE("a guest under load: what uptime, mpstat, free and vmstat would show") {
  RawStore store = load_fixture("host-vm");
  Snapshot snapshot;
  parse_host_cpu(store, snapshot);
  parse_host_memory(store, snapshot);
  const Host& host = snapshot.host;
  REQUIRE(host.load);
  CHECK(host.load->load1 == Approx(12.11));
  CHECK(host.load->tasks == 162);
  CHECK(host.load->cpus_online == 2);
  REQUIRE(host.cpu);
  REQUIRE(host.cpu->size() == 3);
  // 157 user, 40 system, 1 softirq, 1 steal of 199 ticks.
  CHECK((*host.cpu)[0].cpu == "all");
  CHECK((*host.cpu)[0].user == Approx(100.0 * 157 / 199));
  CHECK((*host.cpu)[0].system == Approx(100.0 * 40 / 199));
  CHECK((*host.cpu)[0].steal == Approx(100.0 / 199));
  CHECK((*host.cpu)[0].idle == Approx(0));
  REQUIRE(host.memory);
  CHECK(host.memory->total == 24684092ull * 1024);
  CHECK(host.memory->available > 0);
  REQUIRE(host.vm);
  CHECK(host.vm->page_in_kib == Approx(8249757 - 8247665));
  CHECK(host.vm->page_out_kib == Approx(7358588 - 7229148));
  CHECK(host.vm->swap_in == 0);
  CHECK(host.vm->oom_kills_since_boot == 0u);
  REQUIRE(host.numa);
  REQUIRE(host.numa->size() == 1);
  CHECK((*host.numa)[0].starts_with("node0, "));
  CHECK((*host.numa)[0].ends_with("CPUs 0-1"));
}

TEST_CASE("a disk under load, as iostat -x") {
  RawStore store = load_fixture("host-vm");
  Snapshot snapshot;
  parse_host_disks(store, snapshot);
  REQUIRE(snapshot.host.disks);
  REQUIRE(snapshot.host.disks->size() == 1);  // the unused loop devices are left out
  const DiskRates& vda = snapshot.host.disks->front();
  CHECK(vda.device == "vda");
  CHECK(vda.reads == Approx(351));
  CHECK(vda.writes == Approx(147));
  CHECK(vda.read_bytes == Approx(4184 * 512));
  CHECK(vda.write_bytes == Approx(258880.0 * 512));
  CHECK(vda.read_wait_ms == Approx(108.0 / 351));
  CHECK(vda.write_wait_ms == Approx(59.0 / 147));
  CHECK(vda.queue == Approx(0.181));
  CHECK(vda.busy_percent == Approx(5.6));
}

TEST_CASE("disks: partitions are left out, times wrap, busy is at most the whole, a new device has no rate") {
  RawStore store;
  put(store, "raw/proc/diskstats",
      "8 0 sda 10 0 0 4294967290 0 0 0 0 0 0 0\n8 1 sda1 10 0 0 0 0 0 0 0 0 0 0\n8 16 sdb 500 0 0 0 0 0 0 0 0 0 0\n");
  put(store, "raw/second/proc/diskstats",
      "8 0 sda 12 0 0 4 0 0 0 0 0 1010 0\n8 1 sda1 12 0 0 0 0 0 0 0 0 0 0\n8 16 sdb 3 0 0 0 0 0 0 0 0 0 0\n8 32 sdc 9 "
      "0 0 0 0 0 0 0 0 0 0\n");
  Snapshot snapshot;
  parse_host_disks(store, snapshot);
  REQUIRE(snapshot.host.disks);
  const auto& disks = *snapshot.host.disks;
  REQUIRE(disks.size() == 2);
  CHECK(disks[0].device == "sda");
  CHECK(disks[0].read_wait_ms == Approx(5));  // 10 ms of two reads
  CHECK(disks[0].busy_percent == 100);
  CHECK(disks[1].device == "sdb");
  CHECK(disks[1].reads == 0);  // its counters were set back
}

TEST_CASE("the guest's time is not counted twice, as mpstat") {
  RawStore store;
  put(store, "raw/proc/stat", "cpu 100 100 0 0 50 0 0 0 0 0\n");
  put(store, "raw/second/proc/stat", "cpu 160 120 0 40 20 0 0 0 50 20\n");  // iowait went back
  Snapshot snapshot;
  parse_host_cpu(store, snapshot);
  REQUIRE(snapshot.host.cpu);
  const CpuShare& all = snapshot.host.cpu->front();
  CHECK(all.user == Approx(100.0 * 10 / 120));
  CHECK(all.nice == Approx(0));
  CHECK(all.guest == Approx(100.0 * 70 / 120));
  CHECK(all.idle == Approx(100.0 * 40 / 120));
  CHECK(all.iowait == 0);
  CHECK(all.user + all.nice + all.guest + all.idle == Approx(100));
}

TEST_CASE("one reading gives values and no rates") {
  RawStore store;
  put(store, "raw/proc/stat", "cpu 1 2 3 4\ncpu0 1 2 3 4\nprocs_blocked 3\n");
  put(store, "raw/proc/loadavg", "1 2 3 4/5 6\n");
  put(store, "raw/proc/meminfo", "MemTotal: 100 kB\nMemFree: 10 kB\nCached: 30 kB\nShmem: 20 kB\n");
  Snapshot snapshot;
  parse_host_cpu(store, snapshot);
  parse_host_memory(store, snapshot);
  CHECK(snapshot.host.load->blocked == 3);
  CHECK(snapshot.host.memory->available == 20 * 1024);  // a kernel without MemAvailable
  REQUIRE_FALSE(snapshot.host.cpu);
  CHECK(snapshot.host.cpu.why().code == ErrorCode::kSkipped);
  CHECK_FALSE(snapshot.host.vm);
}

TEST_CASE("malformed text ends in the part, with its place") {
  RawStore store;
  put(store, "raw/proc/stat", "cpu 1 2 3 4\n");
  put(store, "raw/second/proc/stat", "cpu 1 2 3 4\ncpu0 1 x\n");
  put(store, "raw/proc/pressure/cpu", "some nonsense\n");
  Snapshot snapshot;
  parse_host_cpu(store, snapshot);
  parse_host_pressure(store, snapshot);
  REQUIRE_FALSE(snapshot.host.cpu);
  CHECK(snapshot.host.cpu.why().where == "raw/second/proc/stat:2");
  CHECK(snapshot.host.cpu_pressure.why().code == ErrorCode::kMalformed);
  CHECK(snapshot.host.io_pressure.why().code == ErrorCode::kNotFound);
}

TEST_CASE("pressure of the latest reading") {
  RawStore store = load_fixture("host-vm");
  Snapshot snapshot;
  parse_host_pressure(store, snapshot);
  REQUIRE(snapshot.host.cpu_pressure);
  CHECK(snapshot.host.cpu_pressure->some->avg10 > 0);
  CHECK(snapshot.host.memory_pressure->full);
}

TEST_CASE("the ten busiest interrupts, with what they are") {
  RawStore store = load_fixture("host-vm");
  Snapshot snapshot;
  parse_host_interrupts(store, snapshot);
  REQUIRE(snapshot.host.interrupts);
  CHECK(snapshot.host.interrupts->size() <= 10);
  CHECK(snapshot.host.interrupts->contains("LOC Local timer interrupts"));
}

TEST_CASE("network: the namespace of the target, rates and totals, conntrack") {
  RawStore store;
  std::string head = "h\nh\n";
  put(store, "raw/proc/42/net/dev", head + "eth0: 1000 10 0 0 0 0 0 0 500 5 0 0 0 0 0 0\n");
  put(store, "raw/second/proc/42/net/dev",
      head + "eth0: 3000 30 1 2 0 0 0 0 900 9 3 4 0 0 0 0\nveth1: 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
  put(store, "raw/proc/42/net/snmp",
      "Tcp: OutSegs RetransSegs AttemptFails EstabResets\nTcp: 100 1 7 1\nUdp: RcvbufErrors\nUdp: 5\n");
  put(store, "raw/second/proc/42/net/snmp",
      "Tcp: OutSegs RetransSegs AttemptFails EstabResets\nTcp: 200 11 9 4\nUdp: RcvbufErrors\nUdp: 6\n");
  put(store, "raw/proc/42/net/netstat", "TcpExt: ListenOverflows ListenDrops\nTcpExt: 3 4\n");
  put(store, "raw/second/proc/42/net/netstat", "TcpExt: ListenOverflows ListenDrops\nTcpExt: 13 24\n");
  put(store, "raw/proc/sys/net/netfilter/nf_conntrack_count", "260000\n");
  put(store, "raw/proc/sys/net/netfilter/nf_conntrack_max", "262144\n");
  Snapshot snapshot;
  snapshot.target.pid = 42;
  parse_network(store, snapshot);
  REQUIRE(snapshot.host.interfaces);
  REQUIRE(snapshot.host.interfaces->size() == 1);
  const InterfaceRates& eth0 = snapshot.host.interfaces->front();
  CHECK(eth0.rx_bytes == Approx(2000));
  CHECK(eth0.tx_packets == Approx(4));
  CHECK(eth0.rx_drops == Approx(2));
  CHECK(eth0.tx_errors == Approx(3));
  REQUIRE(snapshot.host.tcp);
  CHECK(snapshot.host.tcp->retransmitted == Approx(10));
  CHECK(snapshot.host.tcp->attempt_fails == Approx(2));
  CHECK(snapshot.host.tcp->resets_received == Approx(3));
  CHECK(snapshot.host.tcp->listen_overflows == Approx(10));
  CHECK(snapshot.host.tcp->listen_drops_total == 24);
  CHECK(snapshot.host.tcp->udp_receive_buffer_errors == Approx(1));
  CHECK(snapshot.host.conntrack_used.value_or(0) == 260000);
  CHECK(snapshot.host.conntrack_limit.value_or(0) == 262144);
}

TEST_CASE("network: without connection tracking there is a reason, not a zero") {
  RawStore store;
  put(store, "raw/host/net_sysctl.bundle", bundle({{"net/core/somaxconn", "4096\n"}}));
  Snapshot snapshot;
  parse_network(store, snapshot);
  REQUIRE_FALSE(snapshot.host.conntrack_used);
  CHECK(snapshot.host.conntrack_used.why().code == ErrorCode::kUnsupported);
}
