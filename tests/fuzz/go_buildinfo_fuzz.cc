// Go build information, both forms; the older one follows pointers into the input itself.
#include <cstdint>
#include <optional>
#include <string>

#include "symbolize/go_buildinfo.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto text = ec::parse_go_buildinfo(bytes, [&](uint64_t address, uint64_t length) -> std::optional<std::string> {
    if (address > bytes.size() || length > bytes.size() - address) return std::nullopt;
    return std::string(bytes.substr(address, length));
  });
  if (text) (void)ec::parse_go_modules(text->version, text->modules);
  (void)ec::parse_go_modules("go1.19", bytes);
  return 0;
}
