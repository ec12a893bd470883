#include <algorithm>
#include <array>

#include "collector/analysis/rules.h"

namespace ec {

std::string_view to_string(Severity severity) {
  static constexpr std::array<std::string_view, 5> kWords{"critical", "high", "medium", "low", "info"};
  return kWords.at(static_cast<size_t>(severity));
}

// Within one severity findings are shown in this order: what ended or stops the target first, then what it ran out of,
// then what slows it, then what is only odd.
const std::vector<Rule>& rule_table() {
  static const std::vector<Rule> kTable{
      {"crashed", "a signal ended the process that the core file is of", rules::crashed},
      {"target-died", "the process ended, or became another one, while it was examined", rules::target_died},
      {"target-stopped", "the process is stopped, frozen, traced or dumping core", rules::target_stopped},
      {"oom-kill-recent", "the kernel killed a process for want of memory", rules::oom_kill_recent},
      {"fd-exhaustion", "file descriptors of the process or the host are nearly used up", rules::fd_exhaustion},
      {"disk-full", "a filesystem is full", rules::disk_full},
      {"inode-exhaustion", "a filesystem has no inodes left", rules::inode_exhaustion},
      {"hung-mount", "a mount does not answer", rules::hung_mount},
      {"memory-limit-near", "memory of the cgroup, the host or the address space is nearly used up",
       rules::memory_limit_near},
      {"pid-exhaustion", "process ids of the cgroup or the host are nearly used up", rules::pid_exhaustion},
      {"thread-exhaustion", "no more threads can be created soon", rules::thread_exhaustion},
      {"memory-leak-suspect", "memory grows and does not stop", rules::memory_leak_suspect},
      {"descriptor-leak", "open files grow and do not stop", rules::descriptor_leak},
      {"thread-growth", "threads grow and do not stop", rules::thread_growth},
      {"goroutine-growth", "goroutines grow and do not stop", rules::goroutine_growth},
      {"deadlock", "threads wait for each other in a circle, in both readings", rules::deadlock},
      {"deadlock-suspect", "threads seem to wait for each other, or for a thread that is gone",
       rules::deadlock_suspect},
      {"lock-convoy", "many threads wait for one lock", rules::lock_convoy},
      {"gil-contention", "Python threads wait for the interpreter lock", rules::gil_contention},
      {"mutex-contention", "goroutines queue for locks: who held them", rules::mutex_contention},
      {"block-contention", "goroutines queue for locks: who waits", rules::block_contention},
      {"connection-backlog", "connections wait to be accepted, or are dropped", rules::connection_backlog},
      {"conntrack-full", "the connection tracking table is nearly full", rules::conntrack_full},
      {"connection-leak", "connections that the peer closed are not closed by the process", rules::connection_leak},
      {"io-stall", "storage is too slow: pressure, tasks in state D, busy devices, I/O errors", rules::io_stall},
      {"swap-thrash", "memory is swapped in and out all the time", rules::swap_thrash},
      {"cpu-throttled", "the CPU quota of the cgroup holds the process back", rules::cpu_throttled},
      {"cpu-saturation-process", "the process, or one thread of it, uses all the CPU it can get",
       rules::cpu_saturation_process},
      {"cpu-saturation-host", "no CPU of the host is free", rules::cpu_saturation_host},
      {"gc-pressure", "garbage collection takes much of the CPU, or stops the program", rules::gc_pressure},
      {"hot-function", "one function takes much of the CPU time", rules::hot_function},
      {"allocation-storm", "memory is allocated faster than a core can hand it out", rules::allocation_storm},
      {"heap-growth", "the heap grew between two profiles of the run", rules::heap_growth},
      {"retransmits", "the network loses packets, or peers do not answer", rules::retransmits},
      {"goroutine-pile-up", "goroutines pile up in one place", rules::goroutine_pile_up},
      {"go-panic", "Go programs died, or caught panics, in its logs", rules::go_panic},
      {"data-race", "a race detector reported unordered accesses in its logs", rules::data_race},
      {"goroutine-leak-suspect", "goroutines wait for channels that nobody else has", rules::goroutine_leak_suspect},
      {"log-error-burst", "its logs are full of errors", rules::log_error_burst},
      {"zombie-children", "ended children are not waited for", rules::zombie_children},
      {"deleted-or-replaced-executable", "the running program is no longer the one on disk",
       rules::deleted_or_replaced_executable},
      {"suspicious-process", "traces that an ordinary service does not leave", rules::suspicious_process},
      {"clock-not-synchronised", "the clock is not synchronised", rules::clock_not_synchronised},
  };
  return kTable;
}

std::vector<Finding> analyse(const Snapshot& snapshot) {
  std::vector<Finding> findings;
  for (auto& rule : rule_table())
    for (auto& finding : rule.check(snapshot)) findings.push_back(std::move(finding));
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
  return findings;
}

}  // namespace ec
