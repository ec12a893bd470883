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
// The code point at `at`, which moves behind it; U+FFFD and one byte where there is none. Condition: at < bytes.size().
uint32_t next_point(std::string_view bytes, size_t& at);

}  // namespace ec
