// /proc/meminfo. proc(5), Documentation/filesystems/proc.rst
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

// Name → bytes ("MemTotal", "Active(anon)"); lines without the unit kB (HugePages_Total …) are counts.
// Also reads /sys/devices/system/node/nodeN/meminfo, whose lines begin with "Node N ".
// Errors: malformed; truncated when MemTotal is missing.
Result<std::map<std::string, uint64_t, std::less<>>> parse_meminfo(std::string_view where, std::string_view text);

}  // namespace ec
