// /proc/diskstats. Documentation/admin-guide/iostats.rst
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

// Counters since boot. Sectors are of 512 bytes, whatever the device has. Times are milliseconds and wrap at 2^32.
// Discards exist since Linux 4.18, flushes since 5.5; 0 before.
struct DiskCounters {
  std::string name;
  uint64_t reads = 0, reads_merged = 0, read_sectors = 0, read_ms = 0;
  uint64_t writes = 0, writes_merged = 0, write_sectors = 0, write_ms = 0;
  uint64_t in_flight = 0, busy_ms = 0, queue_ms = 0;
  uint64_t discards = 0, discards_merged = 0, discard_sectors = 0, discard_ms = 0;
  uint64_t flushes = 0, flush_ms = 0;
};

// Errors: malformed.
Result<std::vector<DiskCounters>> parse_diskstats(std::string_view where, std::string_view text);

// "sda1" of "sda", "nvme0n1p2" of "nvme0n1": letters take digits, digits take p and digits.
bool is_partition_of(std::string_view name, std::string_view disk);

}  // namespace ec
