#pragma once

#include <cstdint>
#include <string>

#include "collector/archive/raw_store.h"

namespace ec {

// Numbers of the machine that parse functions need, from raw/host/constants: an archive is parsed on another machine.
struct HostConstants {
  int64_t clock_ticks = 100;  // per second, sysconf(_SC_CLK_TCK)
  uint64_t page_size = 4096;
  int64_t wall_ns = 0;      // CLOCK_REALTIME when the run started
  int64_t boottime_ns = 0;  // CLOCK_BOOTTIME at the same moment: /proc/PID/stat start times count on it
  int64_t monotonic_ns = 0;
  int self_pid = 0;  // of the collector
};
// Defaults where the artifact is missing.
HostConstants host_constants(const RawStore& store);
// The text of the artifact for this machine, now.
std::string host_constants_text();

}  // namespace ec
