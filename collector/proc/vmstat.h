// /proc/vmstat and other files of "name number" lines (numastat of a NUMA node). proc(5), mm/vmstat.c
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

using NamedCounters = std::map<std::string, uint64_t, std::less<>>;

// Errors: malformed; truncated when there is no line at all.
Result<NamedCounters> parse_named_counters(std::string_view where, std::string_view text);

// The counter, or the sum of its parts by zone: before Linux 4.8 the reclaim counters were kept per zone
// ("pgscan_direct_dma", "pgscan_direct_normal" …), and "allocstall" is since then.
uint64_t zoned_counter(const NamedCounters& counters, std::string_view name);

}  // namespace ec
