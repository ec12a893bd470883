#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

// runtime.MemStats (https://pkg.go.dev/runtime#MemStats), as far as it is shown. Bytes, nanoseconds, counts since
// start.
struct Memstats {
  uint64_t heap_alloc = 0, heap_inuse = 0, heap_objects = 0, next_gc = 0, sys = 0, total_alloc = 0;
  uint64_t gc_count = 0;
  uint64_t pause_total_ns = 0;  // 0 in the text form, which does not have it
  double gc_cpu_fraction = 0;
  std::vector<uint64_t> recent_pauses_ns;  // ring of 256: the pause of collection N is at (N + 255) % 256
  uint64_t last_pause_ns() const;          // 0 when there was none
};

// The comment lines at the end of /debug/pprof/heap?debug=1: "# runtime.MemStats", "# HeapAlloc = 123" …
// Errors: truncated (no such lines, or they end before NumGC), malformed with the line.
Result<Memstats> parse_memstats_comments(std::string_view where, std::string_view text);

}  // namespace ec
