// What the kernel log tells about the OOM killer. mm/oom_kill.c: oom_kill_process(), dump_oom_summary(); forms of
// Linux 2.6.32 to 6.x.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/proc/kmsg.h"

namespace ec {

struct OomVictim {
  int pid = 0;
  std::string comm;
  std::string task_cgroup;  // memory cgroup of the victim, as the initial cgroup namespace names it; "" when not logged
  std::string limit_cgroup;    // the cgroup whose limit was hit; "" when the host itself was short of memory
  bool memory_cgroup = false;  // a cgroup's limit, not the host
  uint64_t anon_rss_bytes = 0;
  double seconds = 0;  // after boot
  bool has_time = false;
  std::string line;  // "Out of memory: Killed process …", as logged
};

// In the order of the log, one per killed process: "oom-kill:constraint=…" and "Kill process … or sacrifice child" are
// joined with the "Killed process" that follows.
std::vector<OomVictim> find_oom_kills(const std::vector<KmsgRecord>& log);

}  // namespace ec
