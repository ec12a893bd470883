#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ec {

// Appends a code point of at most 0x10ffff as UTF-8 (RFC 3629).
void append_utf8(std::string& text, uint32_t point);

// Length of the valid UTF-8 sequence at the start of `bytes`, 0 when there is none (Unicode 15, table 3-7). `bytes` is
// not empty.
size_t utf8_length(std::string_view bytes);

}  // namespace ec
