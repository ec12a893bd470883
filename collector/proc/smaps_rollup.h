// /proc/PID/smaps_rollup, proc(5).
#pragma once

#include <cstdint>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

// All in bytes. Fields that the kernel does not print (pss_anon before Linux 5.4) stay 0.
struct SmapsRollup {
  uint64_t rss = 0, pss = 0, pss_anon = 0, pss_file = 0, pss_shmem = 0, shared_clean = 0, shared_dirty = 0,
           private_clean = 0, private_dirty = 0, referenced = 0, anonymous = 0, lazy_free = 0, anon_huge_pages = 0,
           swap = 0, swap_pss = 0, locked = 0;
};

// Errors: malformed; truncated when there is no Rss line.
Result<SmapsRollup> parse_smaps_rollup(std::string_view where, std::string_view text);

}  // namespace ec
