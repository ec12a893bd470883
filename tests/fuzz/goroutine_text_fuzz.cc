// The text forms of net/http/pprof.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/profile/goroutines.h"
#include "collector/profile/memstats.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto goroutines = ec::parse_goroutine_text("input", text)) {
    uint64_t largest = UINT64_MAX;
    for (const auto& group : goroutines->groups) {
      if (group.count > largest) std::abort();  // largest first
      largest = group.count;
      ec::wait_of(group.functions);
    }
  }
  if (auto stats = ec::parse_memstats_comments("input", text)) (void)stats->last_pause_ns();
  return 0;
}
