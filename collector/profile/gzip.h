// RFC 1952. zlib is private to this layer.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

inline bool looks_gzipped(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

// The content of one gzip file, of all its members. `where` names it in errors; `limit` bounds the content (a few bytes
// can claim gigabytes). Errors: malformed (no gzip, bad block, wrong checksum or length), truncated (the bytes end
// before the trailer), unsupported (content over `limit`).
Result<std::string> gunzip(std::string_view where, std::string_view bytes, size_t limit);

// What can be read of bytes that are cut, broken, or followed by something else.
struct Unpacked {
  std::string content;           // up to the first problem
  std::string_view behind;       // what follows the last member and is no gzip; points into the bytes
  bool all_read = true;          // `content` and `behind` are all that the bytes hold: no unreadable rest, no file name
  std::optional<Error> problem;  // that of gunzip()
};
Unpacked unpack_gzip(std::string_view where, std::string_view bytes, size_t limit);

// One member, at the level that Go packs profiles with. Empty when there is no memory.
std::string gzip(std::string_view bytes);

}  // namespace ec
