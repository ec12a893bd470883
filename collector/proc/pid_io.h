// /proc/PID/io, proc(5): the process and its ended threads and reaped children.
#pragma once

#include <cstdint>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

struct PidIo {
  uint64_t read_chars = 0, write_chars = 0;  // through system calls, page cache or not; bytes
  uint64_t read_syscalls = 0, write_syscalls = 0;
  uint64_t read_bytes = 0, write_bytes = 0;  // from and to storage
  uint64_t cancelled_write_bytes = 0;        // dirty pages that were dropped before they were written
};

// Errors: malformed; truncated when a line is missing.
Result<PidIo> parse_pid_io(std::string_view where, std::string_view text);

}  // namespace ec
