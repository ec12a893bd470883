// The host, and the network and mount namespace of the target. Rates are per second between the two readings of the
// run.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collector/base/part.h"
#include "collector/snapshot/process.h"

namespace ec {

struct CpuShare {   // percent of the time of one CPU, or of all; sums to 100
  std::string cpu;  // "all", "0", "1" …
  double user = 0, nice = 0, system = 0, iowait = 0, irq = 0, softirq = 0, steal = 0, guest = 0, idle = 100;
};

struct Load {
  double load1 = 0, load5 = 0, load15 = 0;
  uint64_t running = 0, tasks = 0;
  double uptime_seconds = 0;
  int cpus_online = 0;
  uint64_t blocked = 0;  // procs_blocked of /proc/stat
};

struct MemoryInfo {  // /proc/meminfo, bytes
  uint64_t total = 0, free = 0, available = 0, buffers = 0, cached = 0, slab = 0, slab_unreclaimable = 0, shmem = 0,
           anon = 0, dirty = 0, writeback = 0, swap_total = 0, swap_free = 0, commit_limit = 0, committed = 0,
           huge_pages_total = 0, huge_pages_free = 0, huge_page_size = 0, page_tables = 0, kernel_stack = 0,
           mlocked = 0;
};

struct VmRates {  // /proc/vmstat, pages per second unless said
  double swap_in = 0, swap_out = 0, page_in_kib = 0, page_out_kib = 0, major_faults = 0, faults = 0,
         direct_reclaim_scan = 0, kswapd_scan = 0, allocation_stalls = 0, context_switches = 0, interrupts = 0,
         forks = 0;
  std::optional<uint64_t> oom_kills_since_boot;
  uint64_t oom_kills = 0;  // between the readings
};

struct DiskRates {  // /proc/diskstats, as iostat -xz
  std::string device;
  double reads = 0, writes = 0, read_bytes = 0, write_bytes = 0, discards = 0, flushes = 0;
  double read_wait_ms = 0, write_wait_ms = 0, queue = 0, busy_percent = 0;
};

struct Filesystem {
  std::string mount_point, source, type, options;  // as the target sees them
  bool network = false;                            // nfs, cifs, ceph, fuse.* …
  bool hung = false;                               // statfs did not return in time
  Part<uint64_t> size_bytes, free_bytes, available_bytes, inodes, inodes_free;
  bool read_only = false;
  bool used_by_target = false;  // cwd, root, executable or an open file is on it
  double used_percent() const;  // as df: used / (used + available); 0 when unknown
  double inodes_used_percent() const;
};

struct InterfaceRates {
  std::string name;
  double rx_bytes = 0, tx_bytes = 0, rx_packets = 0, tx_packets = 0, rx_errors = 0, tx_errors = 0, rx_drops = 0,
         tx_drops = 0;
};

struct TcpRates {  // /proc/PID/net/snmp and netstat of the target's network namespace
  double active_opens = 0, passive_opens = 0, attempt_fails = 0, resets_received = 0, resets_sent = 0, in_segments = 0,
         out_segments = 0, retransmitted = 0, in_errors = 0;
  double listen_overflows = 0, listen_drops = 0, syn_retransmits = 0, timeouts = 0, backlog_drops = 0,
         memory_pressures = 0, udp_receive_buffer_errors = 0;
  uint64_t listen_overflows_total = 0, listen_drops_total = 0, attempt_fails_total = 0, retransmitted_total = 0,
           out_segments_total = 0;
};

struct HostProcess {
  int pid = 0, ppid = 0;
  std::string comm, cmdline, user;  // cmdline redacted
  char state = '?';
  uint64_t rss_bytes = 0, threads = 0;
  double cpu_cores = 0;  // between the readings
  double cpu_seconds = 0, age_seconds = 0;
  double read_bytes = 0, write_bytes = 0;  // per second, when io was readable
  bool kernel_thread = false;
  bool executable_deleted = false;
};

struct BlockedTask {  // state D
  int pid = 0, tid = 0;
  std::string comm, wchan;
  std::vector<std::string> kernel_frames;
  bool of_target = false;
  bool in_both_readings = false;  // D at the start and at the end of the run
};

struct KernelLogLine {
  int level = 6;       // 0 emerg … 7 debug
  double seconds = 0;  // since boot
  double age_seconds = 0;
  std::string text;
};

struct OomKill {
  int pid = 0;
  std::string comm, cgroup;
  double age_seconds = 0;
  uint64_t anon_rss_bytes = 0;
  bool of_target_cgroup = false;
  std::string line;  // as logged
};

struct TimeSync {
  bool synchronised = true;  // adjtimex(2): STA_UNSYNC not set
  double offset_ms = 0, max_error_ms = 0, estimated_error_ms = 0;
  std::string clock_source;
  std::vector<std::string> available_clock_sources;
  std::string daemon;  // chronyd, ntpd, systemd-timesyncd … when such a process runs; "" = none
};

struct Login {
  std::string user, terminal, from;
  int64_t since = 0;  // seconds since the epoch
};

struct Host {
  std::string name, kernel, architecture, distribution, boot_id, virtualisation;
  Part<Load> load;
  Part<std::vector<CpuShare>> cpu;  // "all" first
  Part<MemoryInfo> memory;
  Part<VmRates> vm;
  Part<Pressure> cpu_pressure, memory_pressure, io_pressure;
  Part<std::vector<DiskRates>> disks;
  Part<std::vector<Filesystem>> filesystems;
  Part<std::vector<InterfaceRates>> interfaces;
  Part<TcpRates> tcp;
  Part<std::vector<HostProcess>> processes;       // all, most CPU first
  Part<std::map<char, uint64_t>> tasks_by_state;  // processes by state
  Part<std::vector<BlockedTask>> blocked;
  Part<std::vector<KernelLogLine>> kernel_log;  // oldest first, bounded
  Part<std::vector<OomKill>> oom_kills;         // newest first
  Part<uint64_t> files_open, files_limit;       // file-nr
  Part<uint64_t> pids_used, pids_limit;         // tasks / pid_max
  Part<uint64_t> threads_limit;                 // threads-max
  Part<uint64_t> conntrack_used, conntrack_limit;
  Part<std::vector<std::string>> taint;  // in words; empty = not tainted
  Part<std::vector<std::string>> modules;
  Part<std::map<std::string, std::string>> sysctls;
  Part<std::map<std::string, double>> interrupts;  // name → per second, largest first 10
  Part<std::vector<std::string>> numa;             // one line a node
  Part<TimeSync> time_sync;
  Part<std::vector<Login>> logins;
};

}  // namespace ec
