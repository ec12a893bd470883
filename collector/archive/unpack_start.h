// The beginning of what a zstd frame or an xz stream unpacks to, in memory. For small pieces of other programs' files.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ec {

// At most `limit` bytes. Nothing when it is neither, or damaged before that many are out.
std::optional<std::string> unpack_start(std::string_view packed, size_t limit);

}  // namespace ec
