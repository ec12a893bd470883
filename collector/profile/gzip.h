// RFC 1952. zlib is private to this layer.
#pragma once

#include <string>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

inline bool looks_gzipped(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

// The content of one gzip file, of all its members. `where` names it in errors; `limit` bounds the content (a few bytes
// can claim gigabytes). Errors: malformed (no gzip, bad block, wrong checksum or length), truncated (the bytes end
// before the trailer), unsupported (content over `limit`).
Result<std::string> gunzip(std::string_view where, std::string_view bytes, size_t limit);

// One member at the default level.
std::string gzip(std::string_view bytes);

}  // namespace ec
