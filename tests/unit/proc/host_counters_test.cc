#include <catch2/catch.hpp>

#include "collector/proc/diskstats.h"
#include "collector/proc/net_dev.h"
#include "collector/proc/net_snmp.h"

using namespace ec;

TEST_CASE("diskstats of three generations") {
  auto disks = parse_diskstats("d",
                               " 259       0 nvme0n1 10 2 300 4 50 6 700 8 9 1000 1100 12 13 1400 15 16 17\n"  // 5.5
                               "   8       0 sda 10 2 300 4 50 6 700 8 9 1000 1100 12 13 1400 15\n"            // 4.18
                               "   8       1 sda1 10 2 300 4 50 6 700 8 9 1000 1100\n");                       // older
  REQUIRE(disks);
  REQUIRE(disks->size() == 3);
  const DiskCounters& disk = (*disks)[0];
  CHECK(disk.name == "nvme0n1");
  CHECK(disk.reads == 10);
  CHECK(disk.read_sectors == 300);
  CHECK(disk.read_ms == 4);
  CHECK(disk.writes == 50);
  CHECK(disk.write_ms == 8);
  CHECK(disk.in_flight == 9);
  CHECK(disk.busy_ms == 1000);
  CHECK(disk.queue_ms == 1100);
  CHECK(disk.discards == 12);
  CHECK(disk.flushes == 16);
  CHECK((*disks)[1].flushes == 0);
  CHECK((*disks)[2].discards == 0);
}

TEST_CASE("diskstats: requests in flight below zero count as none") {
  CHECK(parse_diskstats("d", "8 0 sda 1 0 0 0 0 0 0 0 -1 0 0\n")->at(0).in_flight == 0);
}

TEST_CASE("diskstats: malformed") {
  CHECK(parse_diskstats("d", "8 0 sda 1 2 3\n").error().where == "d:1");
  CHECK(parse_diskstats("d", "8 0 sda 1 0 0 0 0 0 0 0 0 0 0\n8 x sdb\n").error().where == "d:2");
  CHECK(parse_diskstats("d", "8 0 sda 1 0 0 zero 0 0 0 0 0 0 0\n").error().code == ErrorCode::kMalformed);
  CHECK(parse_diskstats("d", "")->empty());
}

TEST_CASE("partitions and disks with similar names") {
  CHECK(is_partition_of("sda1", "sda"));
  CHECK(is_partition_of("nvme0n1p2", "nvme0n1"));
  CHECK(is_partition_of("mmcblk0p1", "mmcblk0"));
  CHECK_FALSE(is_partition_of("sdab", "sda"));
  CHECK_FALSE(is_partition_of("loop12", "loop1"));
  CHECK_FALSE(is_partition_of("dm-10", "dm-1"));
  CHECK_FALSE(is_partition_of("md127", "md12"));
  CHECK_FALSE(is_partition_of("nvme0n1p", "nvme0n1"));
  CHECK_FALSE(is_partition_of("sda", "sda"));
  CHECK_FALSE(is_partition_of("sda", ""));
}

TEST_CASE("net/dev, with an alias and a number that touches the colon") {
  auto devices = parse_net_dev("n",
                               "Inter-|   Receive                                                |  Transmit\n"
                               " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets "
                               "errs drop fifo colls carrier compressed\n"
                               "    lo: 100 2 0 0 0 0 0 0 100 2 0 0 0 0 0 0\n"
                               "eth0:1:4294967296 7 1 2 0 0 0 0 999 8 3 4 0 0 0 0\n");
  REQUIRE(devices);
  REQUIRE(devices->size() == 2);
  CHECK((*devices)[1].name == "eth0:1");
  CHECK((*devices)[1].rx_bytes == 4294967296ull);
  CHECK((*devices)[1].rx_errors == 1);
  CHECK((*devices)[1].rx_drops == 2);
  CHECK((*devices)[1].tx_bytes == 999);
  CHECK((*devices)[1].tx_drops == 4);
}

TEST_CASE("net/dev: malformed") {
  CHECK(parse_net_dev("n", "one line\n").error().code == ErrorCode::kTruncated);
  CHECK(parse_net_dev("n", "h\nh\nlo 1 2\n").error().where == "n:3");
  CHECK(parse_net_dev("n", "h\nh\nlo: 1 2 3\n").error().where == "n:3");
}

TEST_CASE("snmp: names join their values") {
  auto counters = parse_net_snmp("s",
                                 "Tcp: RtoAlgorithm MaxConn RetransSegs\nTcp: 1 -1 17\n"
                                 "TcpExt: ListenOverflows Huge\nTcpExt: 3 18446744073709551615\n");
  REQUIRE(counters);
  CHECK(counters->at("Tcp.RetransSegs") == 17);
  CHECK(counters->at("Tcp.MaxConn") == -1);
  CHECK(counters->at("TcpExt.ListenOverflows") == 3);
  CHECK_FALSE(counters->contains("TcpExt.Huge"));
}

TEST_CASE("snmp: malformed") {
  CHECK(parse_net_snmp("s", "Tcp: A B\n").error().code == ErrorCode::kMalformed);
  CHECK(parse_net_snmp("s", "Tcp: A B\nUdp: 1 2\n").error().where == "s:2");
  CHECK(parse_net_snmp("s", "Tcp: A B\nTcp: 1\n").error().where == "s:2");
  CHECK(parse_net_snmp("s", "Tcp: A\nTcp: x\n").error().where == "s:2");
  CHECK(parse_net_snmp("s", "nonsense\n").error().where == "s:1");
}
