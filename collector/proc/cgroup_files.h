// Control files of cgroups. v2: Documentation/admin-guide/cgroup-v2.rst; v1: Documentation/admin-guide/cgroup-v1/.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

// A limit: "max", -1 and numbers so large that they mean "none" (9223372036854771712: LONG_MAX in whole pages) give an
// empty optional. Errors: malformed.
Result<std::optional<uint64_t>> parse_cgroup_limit(std::string_view where, std::string_view text);
// A plain counter. Errors: malformed.
Result<uint64_t> parse_cgroup_number(std::string_view where, std::string_view text);
// "key number" lines: cpu.stat, memory.stat, memory.events, memory.oom_control, pids.events, cgroup.events. Errors:
// malformed.
Result<std::map<std::string, uint64_t>> parse_flat_keyed(std::string_view where, std::string_view text);

struct CpuQuota {
  std::optional<uint64_t> quota_us;  // nothing = no limit
  uint64_t period_us = 100'000;      // > 0
  // Nothing when there is no limit.
  std::optional<double> cores() const;
};
// v2 cpu.max: "max 100000", "50000 100000". Errors: malformed.
Result<CpuQuota> parse_cpu_max(std::string_view where, std::string_view text);

}  // namespace ec
