// The target process as it was seen: what its /proc files said, in one place. Sources: proc(5), cgroups(7),
// namespaces(7).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collector/base/part.h"

namespace ec {

// Limits of 0 … UINT64_MAX; nothing = unlimited.
struct ResourceLimit {
  std::optional<uint64_t> soft, hard;
};

// /proc/PID/status, stat, statm at the first reading. Sizes in bytes.
struct ProcessStatus {
  int pid = 0, ppid = 0, pgid = 0, sid = 0, tracer_pid = 0;
  std::vector<int> ns_pids;  // NSpid: from the outermost shown namespace to the target's own; last = its own view
  std::string comm;
  char state = '?';
  uint32_t uid = 0, euid = 0, gid = 0, egid = 0;
  uint64_t threads = 0;
  uint64_t vm_size_bytes = 0, vm_peak_bytes = 0, rss_bytes = 0, rss_peak_bytes = 0, rss_anon_bytes = 0,
           rss_file_bytes = 0, rss_shmem_bytes = 0, swap_bytes = 0, locked_bytes = 0, page_table_bytes = 0;
  uint64_t start_ticks = 0;  // stat field 22, clock ticks after boot
  double age_seconds = 0;    // since start, by /proc/uptime of the same run
  double user_cpu_seconds = 0, system_cpu_seconds = 0;
  uint64_t minor_faults = 0, major_faults = 0;
  uint64_t voluntary_switches = 0, involuntary_switches = 0;
  int nice = 0, priority = 0;
  std::string scheduler;                            // "SCHED_OTHER", "SCHED_FIFO" …
  std::string cpus_allowed;                         // list form: "0-3,8"
  std::string no_new_privs, seccomp, speculation;   // in words: "filter (2 filters)", "off"
  std::vector<std::string> capabilities_effective;  // "cap_net_bind_service" …; all of them: {"all"}
  std::vector<std::string> capabilities_bounding;
  std::vector<std::string> signals_blocked, signals_ignored, signals_caught;  // "SIGPIPE" …
  bool core_dumping = false;
  bool kernel_thread = false;
};

// Between the two readings of one run; each rate is per second of wall time.
struct ProcessRates {
  double interval_seconds = 0;
  double cpu_cores = 0, user_cores = 0, system_cores = 0;  // 1.0 = one core busy
  double minor_faults = 0, major_faults = 0;
  double read_bytes = 0, write_bytes = 0;  // storage IO (io: read_bytes, write_bytes)
  double read_syscalls = 0, write_syscalls = 0;
  double voluntary_switches = 0, involuntary_switches = 0;
  double run_delay = 0;          // seconds per second its threads waited on a run queue (schedstat field 2)
  int64_t rss_change_bytes = 0;  // over the interval
  bool has_io = true;            // false: io could not be read, and the four IO rates are unknown, not 0
};

// One "some"/"full" line of a pressure file (Documentation/accounting/psi.rst); percent, and stall time in µs.
struct PressureLine {
  double avg10 = 0, avg60 = 0, avg300 = 0;
  uint64_t total_us = 0;
};
struct Pressure {
  std::optional<PressureLine> some, full;
};

// The limits the target lives under: the strictest of its cgroup and all ancestors that we can see. v1 and v2 alike.
struct Cgroup {
  int version = 0;                             // 1, 2; 12 = hybrid
  std::map<std::string, std::string> paths;    // controller → path; "" = the v2 hierarchy
  std::string unit;                            // systemd unit from the path: "nginx.service"; "" = none
  std::string container_id;                    // 64 hex digits of docker, containerd, cri-o; "" = none
  std::optional<uint64_t> memory_limit_bytes;  // effective hard limit; nothing = none
  std::optional<uint64_t> memory_high_bytes;
  std::optional<uint64_t> memory_current_bytes;  // of the cgroup that has the effective limit, else the target's own
  std::optional<uint64_t> memory_inactive_file_bytes;  // reclaimable part of memory_current
  std::optional<uint64_t> memory_peak_bytes;
  std::optional<uint64_t> swap_current_bytes, swap_limit_bytes;
  std::optional<uint64_t> oom_kills;          // memory.events oom_kill / memory.oom_control
  std::optional<uint64_t> oom_kills_between;  // the two readings; the second one may be after the death of the target
  std::optional<uint64_t> memory_max_events;  // memory.events max / memory.failcnt
  std::optional<double> cpu_limit_cores;      // quota / period
  std::optional<double> cpu_cores;            // used by all in the cgroup that has the quota, between the readings
  std::optional<uint64_t> cpu_periods, cpu_throttled_periods, cpu_throttled_us;  // since the cgroup exists
  // Between the two readings; nothing when a reading is missing.
  std::optional<double> throttled_share;  // throttled periods / periods, 0…1
  std::optional<double> throttled_seconds_per_second;
  std::optional<uint64_t> pids_current, pids_limit, pids_max_events;
  std::optional<bool> frozen;
  Part<Pressure> cpu_pressure, memory_pressure, io_pressure;
  std::map<std::string, std::string> files;  // every control file read, by name, trimmed, for the curious
};

struct NamespaceLink {
  std::string kind;    // "pid", "mnt", "net", "user", "cgroup", "uts", "ipc", "time"
  uint64_t inode = 0;  // from "pid:[4026531836]"
  bool same_as_ours = true;
};

struct Mapping {
  uint64_t begin = 0, end = 0, offset = 0, inode = 0;
  uint32_t device_major = 0, device_minor = 0;
  bool readable = false, writable = false, executable = false, shared = false;
  std::string name;  // path without " (deleted)", "[heap]", "[stack]", "" …
  bool deleted = false;
};

struct RelatedProcess {
  int pid = 0, ppid = 0;
  std::string comm, cmdline;  // redacted
  char state = '?';
  uint64_t rss_bytes = 0;
  double age_seconds = 0;
};

struct Credential {
  std::string user, group;  // names of the target's own root, "" when unknown
  std::optional<uint32_t> login_uid;
};

// smaps_rollup, bytes.
struct MemoryRollup {
  uint64_t rss = 0, pss = 0, pss_anon = 0, pss_file = 0, shared_clean = 0, shared_dirty = 0, private_clean = 0,
           private_dirty = 0, anonymous = 0, anon_huge_pages = 0, swap = 0, swap_pss = 0, locked = 0;
};

struct Process {
  Part<ProcessStatus> status;
  Part<ProcessRates> rates;
  Part<Credential> credential;
  Part<std::vector<std::string>> command_line;           // redacted arguments
  Part<std::map<std::string, std::string>> environment;  // name → redacted value
  Part<std::map<std::string, ResourceLimit>> limits;     // "Max open files" …, names of /proc/PID/limits
  Part<std::vector<Mapping>> mappings;
  Part<MemoryRollup> rollup;
  Part<Cgroup> cgroup;
  Part<std::vector<NamespaceLink>> namespaces;
  Part<int> oom_score, oom_score_adj;
  Part<std::vector<RelatedProcess>> children;   // direct children, zombies included
  Part<std::vector<RelatedProcess>> ancestors;  // parent first
  Part<std::vector<std::string>> timers;        // POSIX timers in words (/proc/PID/timers)
  Part<std::string> cwd, root;                  // link targets
  std::string wait_summary;                     // of the main thread: wchan or syscall in words
};

}  // namespace ec
