// First byte: which rules. Redacting may not crash, may not run for ever, and keeps valid JSON valid.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "collector/archive/redaction.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  static const ec::Redactor redactor(true);
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr const char* kPaths[] = {"raw/x.txt", "raw/cmdline", "raw/environ", "raw/x.json", "raw/x.bundle"};
  std::string_view path = kPaths[data[0] % 5];
  ec::Redacted once = redactor.redact(ec::Redact::kAuto, path, bytes);
  if (once.count == 0 && path != "raw/x.bundle" && once.bytes != bytes) std::abort();
  if (path == "raw/x.json" && nlohmann::json::accept(bytes) && !nlohmann::json::accept(once.bytes)) std::abort();
  return 0;
}
