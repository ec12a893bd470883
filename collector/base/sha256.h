#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace ec {

using Digest = std::array<uint8_t, 32>;
Digest sha256(std::string_view bytes);
Digest hmac_sha256(std::string_view key, std::string_view bytes);
std::string to_hex(std::string_view bytes);
inline std::string to_hex(const Digest& digest) {
  return to_hex(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

}  // namespace ec
