#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "collector/archive/unpack_start.h"
#include "collector/proc/journal_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  uint64_t reads = 0;
  ec::ReadAt read_at = [&](uint64_t offset, void* to, size_t count) {
    if (++reads > 5'000'000) __builtin_trap();  // a chain without an end
    if (offset > size || size - offset < count) return false;
    std::memcpy(to, data + offset, count);
    return true;
  };
  (void)ec::newest_entries("x", read_at, ec::unpack_start, {"nginx.service", ""}, 100);
  (void)ec::newest_entries("x", read_at, ec::unpack_start, {"mine.service", "1000"}, 100);
  return 0;
}
