// /proc/PID/stat and /proc/PID/task/TID/stat, proc(5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

// Field numbers are those of proc(5). Times in clock ticks.
struct PidStat {
  int pid = 0;                          // 1
  std::string comm;                     // 2; raw: may hold spaces, parentheses and newlines
  char state = '?';                     // 3; R S D T t Z X I P
  int ppid = 0, pgrp = 0, session = 0;  // 4-6
  int tty = 0, tty_pgrp = 0;            // 7, 8
  uint32_t flags = 0;                   // 9; PF_* of include/linux/sched.h
  uint64_t minor_faults = 0, child_minor_faults = 0, major_faults = 0, child_major_faults = 0;  // 10-13
  uint64_t user_ticks = 0, system_ticks = 0;                                                    // 14, 15
  int64_t child_user_ticks = 0, child_system_ticks = 0;                                         // 16, 17
  int priority = 0, nice = 0;                                                                   // 18, 19
  uint64_t threads = 0;                                                                         // 20
  uint64_t start_ticks = 0;                    // 22; after boot (CLOCK_BOOTTIME)
  uint64_t vm_size_bytes = 0;                  // 23
  int64_t rss_pages = 0;                       // 24
  uint64_t stack_start = 0;                    // 28; 0 without PTRACE_MODE_READ
  int last_cpu = -1;                           // 39
  uint32_t realtime_priority = 0, policy = 0;  // 40, 41; SCHED_*
  uint64_t block_io_ticks = 0;                 // 42; delay accounting, 0 when it is off
  uint64_t guest_ticks = 0;                    // 43
  int exit_code = 0;                           // 52; as of waitpid(2); 0 without PTRACE_MODE_READ

  bool kernel_thread() const { return (flags & 0x00200000) != 0; }  // PF_KTHREAD
  bool exiting() const { return (flags & 0x00000004) != 0; }        // PF_EXITING
  bool zombie() const { return state == 'Z' || state == 'X' || state == 'x'; }
};

// Fields after 24 may be missing (older kernels). Errors: malformed.
Result<PidStat> parse_pid_stat(std::string_view where, std::string_view text);

// "SCHED_OTHER", "SCHED_FIFO" …, sched(7); "policy 9" when unknown.
std::string scheduler_name(uint32_t policy);

}  // namespace ec
