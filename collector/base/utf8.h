#pragma once

#include <cstdint>
#include <string>

namespace ec {

// Appends a code point of at most 0x10ffff as UTF-8 (RFC 3629).
void append_utf8(std::string& text, uint32_t point);

}  // namespace ec
