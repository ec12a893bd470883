// A healthy idle machine with a healthy idle service on it: the starting point of every rule's test, and the machine on
// which no rule may speak.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "collector/analysis/finding.h"

namespace ec::test {

inline constexpr uint64_t kGiB = uint64_t{1} << 30, kMiB = uint64_t{1} << 20;

inline Pressure pressure(double some, double full) {
  Pressure p;
  p.some = PressureLine{some, some, some, 1000};
  p.full = PressureLine{full, full, full, 1000};
  return p;
}

inline Filesystem filesystem(std::string mount_point, uint64_t size, uint64_t available) {
  Filesystem f;
  f.mount_point = std::move(mount_point);
  f.source = "/dev" + f.mount_point;
  f.type = "ext4";
  f.size_bytes = size;
  f.free_bytes = available;
  f.available_bytes = available;
  f.inodes = uint64_t{1'000'000};
  f.inodes_free = uint64_t{900'000};
  return f;
}

inline Thread thread(int tid, std::string name, char state = 'S') {
  Thread t;
  t.tid = t.ns_tid = tid;
  t.name = std::move(name);
  t.state = state;
  t.cpu_cores = 0.0;
  t.age_seconds = 3600;
  return t;
}

inline Socket tcp(std::string state, std::string local, std::string remote) {
  Socket s;
  s.family = "tcp";
  s.state = std::move(state);
  s.local = std::move(local);
  s.remote = std::move(remote);
  return s;
}

// Adds the socket with a descriptor for it.
inline void add_socket(OpenFiles& files, Socket socket) {
  OpenFile file;
  file.fd = static_cast<int>(files.files.size());
  file.kind = "socket";
  file.socket = static_cast<uint32_t>(files.sockets.size());
  files.sockets.push_back(std::move(socket));
  files.files.push_back(std::move(file));
  ++files.by_kind["socket"];
  files.count = std::max<uint64_t>(files.count, files.files.size());
}

inline void healthy_process(Snapshot& s) {
  ProcessStatus status;
  status.pid = 42, status.ppid = 1, status.comm = "redis-server", status.state = 'S', status.uid = status.euid = 100;
  status.threads = 4, status.rss_bytes = 20 * kMiB, status.vm_size_bytes = 100 * kMiB, status.age_seconds = 3600,
  status.start_ticks = 1000;
  status.cpus_allowed = "0-3";
  s.process.status = status;
  ProcessRates rates;
  rates.interval_seconds = 0.3, rates.cpu_cores = 0.01;
  s.process.rates = rates;
  s.process.credential = Credential{"redis", "redis", std::nullopt};
  s.process.limits = std::map<std::string, ResourceLimit>{{"Max open files", {1024, 524288}},
                                                          {"Max processes", {10000, 10000}},
                                                          {"Max address space", {std::nullopt, std::nullopt}}};
  Cgroup cgroup;
  cgroup.version = 2, cgroup.unit = "redis-server.service";
  cgroup.memory_limit_bytes = kGiB, cgroup.memory_current_bytes = 100 * kMiB,
  cgroup.memory_inactive_file_bytes = 50 * kMiB;
  cgroup.oom_kills = 0, cgroup.pids_current = 4, cgroup.pids_limit = 1000;
  cgroup.cpu_pressure = pressure(0, 0);
  s.process.cgroup = cgroup;
  s.process.children = std::vector<RelatedProcess>{};
  s.threads = std::vector<Thread>{thread(42, "redis-server"), thread(43, "bio_close_file"), thread(44, "bio_aof_fsync"),
                                  thread(45, "bio_lazy_free")};
  OpenFiles files;
  Socket listener = tcp("LISTEN", "127.0.0.1:6379", "0.0.0.0:0");
  listener.backlog = 511;
  add_socket(files, listener);
  add_socket(files, tcp("ESTABLISHED", "127.0.0.1:6379", "127.0.0.1:50000"));
  s.files = files;
  s.forensics = std::vector<ForensicFact>{
      {"writable-executable-mapping", "[stack]", "rwx", "info", "raw/proc/42/maps", "line 3"}};
  Executable executable;
  executable.path = "/usr/bin/redis-server", executable.language = "C/C++", executable.product = "Redis 7.0.15";
  s.executable = executable;
  s.logs = Logs{};
  s.endpoints = std::vector<Endpoint>{};
}

inline void healthy_host(Host& host) {
  host.name = "host7", host.kernel = "6.1.0-28-amd64", host.architecture = "x86_64",
  host.distribution = "Debian GNU/Linux 12 (bookworm)";
  Load load;
  load.load1 = 0.1, load.load5 = 0.1, load.load15 = 0.1, load.cpus_online = 4, load.tasks = 200, load.running = 1,
  load.uptime_seconds = 86400;
  host.load = load;
  CpuShare all;
  all.cpu = "all", all.user = 1, all.system = 1, all.idle = 98;
  host.cpu = std::vector<CpuShare>{all};
  MemoryInfo memory;
  memory.total = 16 * kGiB, memory.available = 12 * kGiB, memory.free = 10 * kGiB, memory.swap_total = kGiB,
  memory.swap_free = kGiB;
  host.memory = memory;
  host.vm = VmRates{};
  host.cpu_pressure = pressure(0.5, 0), host.memory_pressure = pressure(0, 0), host.io_pressure = pressure(0.2, 0.1);
  DiskRates disk;
  disk.device = "sda", disk.busy_percent = 1, disk.writes = 2, disk.write_wait_ms = 1;
  host.disks = std::vector<DiskRates>{disk};
  host.filesystems = std::vector<Filesystem>{filesystem("/", 100 * kGiB, 60 * kGiB)};
  host.filesystems->front().used_by_target = true;
  TcpRates tcp;
  tcp.out_segments = 100, tcp.in_segments = 100, tcp.out_segments_total = 1'000'000, tcp.retransmitted_total = 100;
  host.tcp = tcp;
  HostProcess process;
  process.pid = 42, process.comm = "redis-server", process.user = "redis", process.threads = 4;
  host.processes = std::vector<HostProcess>{process};
  host.blocked = std::vector<BlockedTask>{};
  host.kernel_log = std::vector<KernelLogLine>{};
  host.oom_kills = std::vector<OomKill>{};
  host.files_open = uint64_t{2000}, host.files_limit = uint64_t{1'000'000};
  host.pids_used = uint64_t{200}, host.pids_limit = uint64_t{4'194'304}, host.threads_limit = uint64_t{120'000};
  host.conntrack_used = uint64_t{10}, host.conntrack_limit = uint64_t{262'144};
  host.sysctls = std::map<std::string, std::string>{{"vm.max_map_count", "65530"}};
  host.time_sync = TimeSync{};
}

inline Snapshot healthy() {
  Snapshot s;
  s.target.pid = 42;
  s.target.comm = "redis-server";
  s.run.started_wall_ns = 1'795'210'000'000'000'000;
  healthy_process(s);
  healthy_host(s.host);
  return s;
}

inline std::vector<Finding> findings_of(const Snapshot& snapshot, std::string_view id) {
  auto all = analyse(snapshot);
  std::erase_if(all, [&](const Finding& finding) { return finding.id != id; });
  return all;
}

// The severity of the worst finding with this id; "" when the rule says nothing.
inline std::string severity(const Snapshot& snapshot, std::string_view id) {
  auto found = findings_of(snapshot, id);
  return found.empty() ? "" : std::string(to_string(found.front().severity));
}

}  // namespace ec::test
