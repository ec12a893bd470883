#include <catch2/catch.hpp>

#include "collector/collectors/filesystems.h"
#include "collector/collectors/host_limits.h"
#include "collector/collectors/host_logins.h"
#include "collector/collectors/host_system.h"
#include "collector/collectors/host_time.h"
#include "collector/collectors/kernel_log.h"
#include "host_store.h"

using namespace ec;
using namespace ec::test;

TEST_CASE("system, limits, clock of a guest") {
  RawStore store = load_fixture("host-vm");
  put(store, "raw/host/virtualisation.bundle",
      bundle({{"cpuid", "KVMKVMKVM"}, {"dmi/sys_vendor", "Amazon EC2\n"}, {"dmi/product_name", "m5.large\n"}}));
  Snapshot snapshot;
  parse_host_system(store, snapshot);
  parse_host_limits(store, snapshot);
  parse_host_time(store, snapshot);
  parse_host_logins(store, snapshot);
  const Host& host = snapshot.host;
  CHECK(host.name == "vm");
  CHECK(host.architecture == "x86_64");
  CHECK(host.distribution == "Debian GNU/Linux 12 (bookworm)");
  CHECK(host.virtualisation == "KVM (Amazon EC2 m5.large)");
  CHECK(host.taint->empty());
  CHECK_FALSE(host.modules);
  CHECK(host.files_limit.value_or(0) == 2466177);
  CHECK(host.pids_limit.value_or(0) == 32768);
  CHECK(host.pids_used.value_or(0) == 162);
  CHECK(host.sysctls->at("vm.swappiness") == "60");
  CHECK(host.sysctls->at("net.ipv4.ip_local_port_range") == "32768 60999");
  REQUIRE(host.time_sync);
  CHECK_FALSE(host.time_sync->synchronised);
  CHECK(host.time_sync->clock_source == "tsc");
  CHECK(host.time_sync->daemon.empty());
  REQUIRE(host.logins);
  CHECK(host.logins->empty());
}

TEST_CASE("clock: nanoseconds where the kernel says so, and the daemon among the processes") {
  RawStore store;
  put(store, "raw/host/adjtimex", "state 0\nstatus 8193\noffset -1500000\nmaxerror 12000\nesterror 300\n");
  put(store, "raw/processes.bundle", bundle({{"1/stat", "1 (systemd) S 0"}, {"77/stat", "77 (systemd-timesyn) S 1"}}));
  Snapshot snapshot;
  parse_host_time(store, snapshot);
  REQUIRE(snapshot.host.time_sync);
  CHECK(snapshot.host.time_sync->synchronised);
  CHECK(snapshot.host.time_sync->offset_ms == Approx(-1.5));
  CHECK(snapshot.host.time_sync->max_error_ms == Approx(12));
  CHECK(snapshot.host.time_sync->daemon == "systemd-timesyncd");
  RawStore empty;
  put(empty, "raw/host/adjtimex", "state 0\n");
  parse_host_time(empty, snapshot);
  CHECK(snapshot.host.time_sync.why().code == ErrorCode::kTruncated);
}

TEST_CASE("logins of systemd-logind: users, not services") {
  RawStore store;
  put(store, "raw/host/sessions.bundle",
      bundle({{"source", "/run/systemd/sessions"},
              {"4", "USER=bob\nTTY=pts/1\nCLASS=user\nREALTIME=5000000\n"},
              {"c1", "USER=gdm\nCLASS=greeter\n"}}));
  Snapshot snapshot;
  parse_host_logins(store, snapshot);
  REQUIRE(snapshot.host.logins);
  REQUIRE(snapshot.host.logins->size() == 1);
  CHECK(snapshot.host.logins->front().user == "bob");
  CHECK(snapshot.host.logins->front().since == 5);
}

TEST_CASE("virtualisation: bare metal says nothing, a container is told apart from the machine") {
  RawStore store;
  put(store, "raw/host/virtualisation.bundle", bundle({{"cpuid", ""}, {"dmi/sys_vendor", "Dell Inc."}}));
  Snapshot snapshot;
  parse_host_system(store, snapshot);
  CHECK(snapshot.host.virtualisation.empty());
  put(store, "raw/host/virtualisation.bundle", bundle({{"cpuid", ""}, {"/.dockerenv", "exists"}}));
  parse_host_system(store, snapshot);
  CHECK(snapshot.host.virtualisation == "the collector runs in a container (docker)");
}

namespace {

Snapshot kernel_log(const std::string& log, const std::string& cgroup) {
  RawStore store;
  put(store, "raw/host/constants", "monotonic_ns 90400000000000\n");
  put(store, "raw/kmsg.txt", fixture(log));
  put(store, "raw/proc/42/cgroup", cgroup);
  Snapshot snapshot;
  snapshot.target.pid = 42;
  parse_kernel_log(store, snapshot);
  return snapshot;
}

}  // namespace

TEST_CASE("OOM kills: newest first, with age and whether they concern the target") {
  std::string pod = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0330b2c1.slice";
  Snapshot snapshot = kernel_log("host-oom/kmsg-6.1.txt", "0::" + pod + "/cri-containerd-0f1e.scope\n");
  REQUIRE(snapshot.host.oom_kills);
  const auto& kills = *snapshot.host.oom_kills;
  REQUIRE(kills.size() == 4);
  CHECK(kills[0].pid == 802);
  CHECK_FALSE(kills[0].of_target_cgroup);
  CHECK(kills[3].pid == 63214);
  CHECK(kills[3].of_target_cgroup);
  CHECK(kills[3].age_seconds == Approx(299.9996).epsilon(1e-6));
  CHECK(kills[3].anon_rss_bytes == 164992ull * 1024);
  REQUIRE(snapshot.host.kernel_log);
  CHECK(snapshot.host.kernel_log->front().text == "eth0: Link is Up - 10 Gbps/Full");

  // A sibling in the pod whose limit was hit lives under that limit too; another pod does not.
  auto concerned = [&](const std::string& cgroup) {
    return kernel_log("host-oom/kmsg-6.1.txt", cgroup).host.oom_kills->at(3).of_target_cgroup;
  };
  CHECK(concerned("0::" + pod + "/cri-containerd-sidecar.scope\n"));
  CHECK_FALSE(concerned("0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0330b2c1.slice-2/x\n"));
  CHECK_FALSE(concerned("0::/\n"));
}

TEST_CASE("OOM kills of cgroup v1: the memory controller's path counts") {
  Snapshot snapshot =
      kernel_log("host-oom/kmsg-3.10.txt", "9:cpu,cpuacct:/elsewhere\n4:memory:/kubepods/pod951f/0249\n0::/\n");
  REQUIRE(snapshot.host.oom_kills);
  CHECK(snapshot.host.oom_kills->at(1).of_target_cgroup);
  CHECK_FALSE(snapshot.host.oom_kills->at(0).of_target_cgroup);
}

TEST_CASE("filesystems: one mount each, servers last, what cannot fill or is hidden left out") {
  auto mounts = parse_mountinfo("m", fixture("host-mounts/mountinfo"));
  REQUIRE(mounts);
  std::vector<std::string> points;
  for (const MountEntry& mount : filesystems_of(*mounts)) points.push_back(mount.mount_point);
  CHECK(points ==
        std::vector<std::string>{"/", "/dev", "/srv/data", "/mnt/old", "/run/lock", "/mnt/share", "/mnt/with space"});
}

TEST_CASE("filesystems: space, hung mounts, what was not reached, use by the target") {
  RawStore store;
  std::string bytes = bundle(
      {{"mountinfo", fixture("host-mounts/mountinfo")},
       {"statfs/600", "block_size 4096\nblocks 1000\nblocks_free 100\nblocks_available 50\nfiles 10\nfiles_free 1\n"},
       {"statfs/602", "block_size 4096\nblocks 0\nblocks_free 0\nblocks_available 0\nfiles 0\nfiles_free 0\n"},
       {"statfs/622", "block_size 4096\nblocks 10\nblocks_free 5\nblocks_available 5\nfiles 0\nfiles_free 0\n"},
       {"statfs/612", "block_size 4096\nblocks x\n"}});
  append_failed_section(bytes, "statfs/620", Error{ErrorCode::kTimeout, "", "statfs(2) did not return in time", 0});
  put(store, "raw/filesystems.bundle", bytes);
  Snapshot snapshot;
  snapshot.process.cwd = std::string("/srv/data/db");
  snapshot.target.exe = "/usr/bin/postgres";
  OpenFiles files;
  files.files.resize(2);
  files.files[0].target = "/mnt/with space/log";
  files.files[1].target = "socket:[1]";
  snapshot.files = files;
  parse_filesystems(store, snapshot);
  REQUIRE(snapshot.host.filesystems);
  const auto& all = *snapshot.host.filesystems;
  auto at = [&](const std::string& point) -> const Filesystem& {
    for (const Filesystem& fs : all)
      if (fs.mount_point == point) return fs;
    FAIL("no " + point);
    throw 0;
  };
  CHECK(all.size() == 6);  // /dev reports no size
  CHECK(at("/").size_bytes.value_or(0) == 1000 * 4096);
  CHECK(at("/").used_percent() == Approx(100.0 * 900 / 950).epsilon(0.02));
  CHECK(at("/").inodes_free.value_or(0) == 1);
  CHECK(at("/").used_by_target);  // the executable
  CHECK(at("/srv/data").used_by_target);
  CHECK(at("/srv/data").size_bytes.why().code == ErrorCode::kMalformed);
  CHECK(at("/mnt/old").type == "xfs");
  CHECK_FALSE(at("/mnt/old").inodes);
  CHECK_FALSE(at("/mnt/old").used_by_target);
  CHECK(at("/mnt/share").hung);
  CHECK(at("/mnt/share").network);
  CHECK(at("/mnt/with space").used_by_target);
  CHECK_FALSE(at("/mnt/with space").hung);
  CHECK(at("/mnt/with space").size_bytes.why().detail.starts_with("not reached"));
  CHECK(at("/run/lock").read_only);
}

TEST_CASE("filesystems: a hang that only the runner could note") {
  RawStore store;
  put(store, "raw/filesystems.bundle", bundle({{"mountinfo", fixture("host-mounts/mountinfo")}}));
  ArtifactRow row;
  row.path = "raw/filesystems.3";
  row.source = "statfs /mnt/share of type nfs4, mount 620";
  row.status = Status::kTimeout;
  store.add(row, "");
  Snapshot snapshot;
  parse_filesystems(store, snapshot);
  REQUIRE(snapshot.host.filesystems);
  int hung = 0;
  for (const Filesystem& fs : *snapshot.host.filesystems) {
    hung += fs.hung;
    if (fs.hung) CHECK(fs.mount_point == "/mnt/share");
  }
  CHECK(hung == 1);
}

TEST_CASE("filesystems: without a table of mounts there is a reason") {
  RawStore store;
  put(store, "raw/filesystems.bundle", bundle({{"mountinfo", "1 2 nonsense\n"}}));
  Snapshot snapshot;
  parse_filesystems(store, snapshot);
  CHECK(snapshot.host.filesystems.why().code == ErrorCode::kMalformed);
  put(store, "raw/filesystems.bundle", "");
  parse_filesystems(store, snapshot);
  CHECK(snapshot.host.filesystems.why().code == ErrorCode::kTruncated);
}
