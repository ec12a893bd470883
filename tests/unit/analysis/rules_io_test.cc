#include <catch2/catch.hpp>

#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

namespace {
BlockedTask task(int tid, bool target, bool both) {
  return {42, tid, "worker", "io_schedule", {"io_schedule+0x42"}, target, both};
}
}  // namespace

TEST_CASE("io-stall: a task in state D must be there in both readings") {
  Snapshot s = healthy();
  s.host.blocked = std::vector<BlockedTask>{task(43, true, false)};
  CHECK(severity(s, "io-stall") == "");
  s.host.blocked = std::vector<BlockedTask>{task(43, true, true)};
  CHECK(severity(s, "io-stall") == "high");
  s.host.io_pressure = pressure(60, 50);
  CHECK(severity(s, "io-stall") == "critical");
  s = healthy();
  s.host.blocked = std::vector<BlockedTask>{task(99, false, true)};
  CHECK(severity(s, "io-stall") == "low");
}

TEST_CASE("io-stall: a busy device alone only works, with long waits and pressure it stalls") {
  Snapshot s = healthy();
  auto& disk = s.host.disks->front();
  disk.busy_percent = 100, disk.writes = 5000, disk.write_wait_ms = 2;
  CHECK(severity(s, "io-stall") == "");
  disk.write_wait_ms = 200;
  CHECK(severity(s, "io-stall") == "");
  s.host.io_pressure = pressure(20, 10);
  CHECK(severity(s, "io-stall") == "medium");
}

TEST_CASE("io-stall: fresh storage errors in the kernel log") {
  Snapshot s = healthy();
  s.host.kernel_log = std::vector<KernelLogLine>{{3, 100, 30, "blk_update_request: I/O error, dev sda, sector 12345"}};
  CHECK(severity(s, "io-stall") == "high");
  s.host.kernel_log->front().age_seconds = 3600;
  CHECK(severity(s, "io-stall") == "");
  s.host.kernel_log = std::vector<KernelLogLine>{{6, 100, 30, "usb 1-1: new device I/O error handler loaded"}};
  CHECK(severity(s, "io-stall") == "");
}

TEST_CASE("disk-full by share and by what is left") {
  Snapshot s = healthy();
  auto& root = s.host.filesystems->front();
  auto with = [&](uint64_t available) {
    root.free_bytes = available;
    root.available_bytes = available;
    return severity(s, "disk-full");
  };
  CHECK(with(8 * kGiB) == "");
  CHECK(with(6 * kGiB) == "medium");
  CHECK(with(2 * kGiB) == "high");
  CHECK(with(500 * kMiB) == "critical");
  root.size_bytes = 10'000 * kGiB;
  CHECK(with(200 * kGiB) == "");  // 98 % full, and room for days
}

TEST_CASE("disk-full: images, read-only and bind mounts") {
  Snapshot s = healthy();
  s.host.filesystems->push_back(filesystem("/snap/core", 60 * kMiB, 0));
  s.host.filesystems->back().type = "squashfs";
  CHECK(severity(s, "disk-full") == "");
  s.host.filesystems->back().type = "ext4";
  s.host.filesystems->back().read_only = true;
  CHECK(severity(s, "disk-full") == "");
  s.host.filesystems->back().read_only = false;
  CHECK(severity(s, "disk-full") == "high");  // nobody that we know uses it: one step gentler
  s.host.filesystems->push_back(s.host.filesystems->back());
  s.host.filesystems->back().mount_point = "/elsewhere";
  CHECK(findings_of(s, "disk-full").size() == 1);
}

TEST_CASE("disk-full counts what deleted files still hold") {
  Snapshot s = healthy();
  s.host.filesystems->front().free_bytes = kMiB;
  s.host.filesystems->front().available_bytes = kMiB;
  OpenFile deleted;
  deleted.fd = 9, deleted.kind = "file", deleted.deleted = true, deleted.blocks_bytes = 20 * kGiB;
  s.files->files.push_back(deleted);
  CHECK(findings_of(s, "disk-full").front().detail.find("deleted files of 20.0 GiB") != std::string::npos);
}

TEST_CASE("inode-exhaustion, and filesystems that count none") {
  Snapshot s = healthy();
  auto& root = s.host.filesystems->front();
  root.inodes_free = uint64_t{80'001};
  CHECK(severity(s, "inode-exhaustion") == "");
  root.inodes_free = uint64_t{80'000};
  CHECK(severity(s, "inode-exhaustion") == "medium");
  root.inodes_free = uint64_t{0};
  CHECK(severity(s, "inode-exhaustion") == "critical");
  root.inodes = uint64_t{0};
  CHECK(severity(s, "inode-exhaustion") == "");
}

TEST_CASE("hung-mount") {
  Snapshot s = healthy();
  Filesystem nfs;
  nfs.mount_point = "/mnt/nfs", nfs.source = "filer:/vol", nfs.type = "nfs4", nfs.network = true, nfs.hung = true;
  s.host.filesystems->push_back(nfs);
  CHECK(severity(s, "hung-mount") == "medium");
  CHECK(severity(s, "disk-full") == "");
  s.host.filesystems->back().used_by_target = true;
  CHECK(severity(s, "hung-mount") == "critical");
  s.host.filesystems->back().hung = false;
  CHECK(severity(s, "hung-mount") == "");
}
