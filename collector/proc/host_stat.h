// /proc/stat: CPU times of the host. proc(5), fs/proc/stat.c
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

// Clock ticks since boot. `user` includes `guest` and `nice` includes `guest_nice`, as the kernel counts them.
// Fields that an old kernel does not have are 0.
struct CpuTicks {
  int cpu = -1;  // -1: the line "cpu", the sum of all
  uint64_t user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0, guest = 0,
           guest_nice = 0;
};

struct HostStat {
  std::vector<CpuTicks> cpus;  // the sum first, then the CPUs that are online
  uint64_t interrupts = 0, context_switches = 0, forks = 0;
  uint64_t boot_time = 0;             // seconds since the epoch
  uint64_t running = 0, blocked = 0;  // tasks; blocked = waiting for IO to complete
};

// Errors: malformed; truncated when the line "cpu" is missing.
Result<HostStat> parse_host_stat(std::string_view where, std::string_view text);

}  // namespace ec
