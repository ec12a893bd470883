// gzip, profile.proto and what is computed from them.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collector/profile/goroutines.h"
#include "collector/profile/gzip.h"
#include "collector/profile/pprof.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  constexpr size_t kLimit = 4 << 20;
  auto unpacked = ec::gunzip("input", bytes, kLimit);
  std::string_view message = unpacked ? std::string_view(*unpacked) : bytes;
  if (auto profile = ec::parse_pprof("input", message)) {
    auto goroutines = ec::goroutines_of("input", *profile);
    if (goroutines)
      for (const auto& group : goroutines->groups) ec::wait_of(group.functions);
  }
  return 0;
}
