// Thread dumps of JVMs.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/profile/jvm_threads.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto dump = ec::parse_jvm_threads("dump", {reinterpret_cast<const char*>(data), size});
  if (!dump) return 0;
  for (const auto& stack : dump->stacks)
    for (uint32_t frame : stack)
      if (frame >= dump->frames.size()) std::abort();
  for (const auto& thread : dump->threads)
    if (thread.stack && *thread.stack >= dump->stacks.size()) std::abort();
  return 0;
}
