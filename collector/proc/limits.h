// /proc/PID/limits, proc(5) and getrlimit(2).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

struct LimitEntry {
  std::optional<uint64_t> soft, hard;  // nothing = unlimited
  std::string unit;                    // "files", "bytes"; "" when the kernel gives none
};

// By the kernel's name: "Max open files". Errors: malformed; truncated when there is no header line.
Result<std::map<std::string, LimitEntry>> parse_limits(std::string_view where, std::string_view text);

}  // namespace ec
