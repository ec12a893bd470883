// Every rule by name; the table in rule_table.cc gives them their ids. Each is a pure function of the snapshot and says
// nothing when what it needs was not collected.
#pragma once

#include "collector/analysis/words.h"

namespace ec::rules {

// rules_core.cc
Findings crashed(const Snapshot& snapshot);
// rules_process.cc
Findings target_died(const Snapshot& snapshot);
Findings target_stopped(const Snapshot& snapshot);
Findings deleted_or_replaced_executable(const Snapshot& snapshot);
Findings zombie_children(const Snapshot& snapshot);
Findings suspicious_process(const Snapshot& snapshot);
// rules_resources.cc
Findings fd_exhaustion(const Snapshot& snapshot);
Findings thread_exhaustion(const Snapshot& snapshot);
Findings pid_exhaustion(const Snapshot& snapshot);
// rules_memory.cc
Findings memory_limit_near(const Snapshot& snapshot);
Findings oom_kill_recent(const Snapshot& snapshot);
Findings swap_thrash(const Snapshot& snapshot);
// rules_growth.cc
Findings memory_leak_suspect(const Snapshot& snapshot);
Findings descriptor_leak(const Snapshot& snapshot);
Findings thread_growth(const Snapshot& snapshot);
Findings goroutine_growth(const Snapshot& snapshot);
// rules_cpu.cc
Findings cpu_saturation_host(const Snapshot& snapshot);
Findings cpu_saturation_process(const Snapshot& snapshot);
Findings cpu_throttled(const Snapshot& snapshot);
// rules_io.cc
Findings io_stall(const Snapshot& snapshot);
Findings disk_full(const Snapshot& snapshot);
Findings inode_exhaustion(const Snapshot& snapshot);
Findings hung_mount(const Snapshot& snapshot);
// rules_deadlock.cc
Findings deadlock(const Snapshot& snapshot);
Findings deadlock_suspect(const Snapshot& snapshot);
// rules_locks.cc
Findings lock_convoy(const Snapshot& snapshot);
// rules_network.cc
Findings connection_backlog(const Snapshot& snapshot);
Findings connection_leak(const Snapshot& snapshot);
Findings retransmits(const Snapshot& snapshot);
Findings conntrack_full(const Snapshot& snapshot);
// rules_logs.cc
Findings go_panic(const Snapshot& snapshot);
Findings data_race(const Snapshot& snapshot);
Findings log_error_burst(const Snapshot& snapshot);
// rules_profiles.cc
Findings hot_function(const Snapshot& snapshot);
Findings mutex_contention(const Snapshot& snapshot);
Findings block_contention(const Snapshot& snapshot);
// rules_allocation.cc
Findings gc_pressure(const Snapshot& snapshot);
Findings allocation_storm(const Snapshot& snapshot);
Findings heap_growth(const Snapshot& snapshot);
// rules_goroutines.cc
Findings goroutine_leak_suspect(const Snapshot& snapshot);
// rules_python.cc
Findings gil_contention(const Snapshot& snapshot);
// rules_runtime.cc
Findings goroutine_pile_up(const Snapshot& snapshot);
Findings clock_not_synchronised(const Snapshot& snapshot);

}  // namespace ec::rules
