// /proc/PID/timers, proc(5): POSIX timers made with timer_create(2).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

struct PidTimer {
  int id = 0;
  int signal = 0;          // 0: none
  std::string notify;      // "signal", "thread", "none"
  bool to_thread = false;  // notify says tid.N, not pid.N
  int receiver = 0;        // of the notification, as its own PID namespace counts
  int clock = 0;           // CLOCK_* of linux/time.h; negative: CPU time of a process or thread
};

// Errors: malformed.
Result<std::vector<PidTimer>> parse_pid_timers(std::string_view where, std::string_view text);

// "CLOCK_MONOTONIC"; "CPU clock -6" for one of a process or thread.
std::string clock_name(int clock);
// "timer 0 on CLOCK_MONOTONIC sends SIGRTMIN to thread 42".
std::string timer_words(const PidTimer& timer);

}  // namespace ec
