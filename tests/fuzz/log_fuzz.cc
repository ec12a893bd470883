#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collector/base/text.h"
#include "collector/collectors/log_choice.h"
#include "collector/collectors/log_digest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  ec::LogDigest digest;
  digest.add("logs/1-x.log", text);
  digest.add("logs/2-x.log", ec::from_line_start(text, true));
  ec::Logs logs;
  digest.finish(logs);
  for (const auto& line : logs.digest)
    if (ec::printable_utf8(line.pattern) != line.pattern) __builtin_trap();
  (void)ec::log_likelihood(text, 1, true);
  (void)ec::log_artifact(text, 1);
  (void)ec::looks_like_log(text);
  return 0;
}
