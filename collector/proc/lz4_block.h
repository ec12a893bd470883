// The LZ4 block format (lz4_Block_format.md), as far as a caller wants it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ec {

// The first bytes that `block` unpacks to, at most `limit`. Nothing when it is damaged before that many are out.
std::optional<std::string> unpack_lz4_block(std::string_view block, size_t limit);

}  // namespace ec
