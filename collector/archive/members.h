// The members of an archive file or an unpacked folder: names, bytes, and the row that each carries. Hostile input:
// sizes, counts and names are bounded. Private to this layer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

struct ReadMember {
  std::string name;  // relative, without "." and ".." parts
  std::string bytes;
  std::string row;  // JSON, "" when it carries none
};

struct Members {
  std::vector<ReadMember> list;  // in the order of the archive
  std::string damage;            // where and why reading stopped or what was left out, "" = nothing
};

inline constexpr uint64_t kMostBytes = uint64_t{2} << 30;
inline constexpr size_t kMostMembers = 200'000;
inline constexpr size_t kLongestName = 1024;

// Whether a name from outside may be used; without a leading "./".
bool is_safe_name(std::string_view name);

// `bytes`: a whole file. Errors: malformed (neither tar nor zip).
Result<Members> members_of_archive(std::string_view bytes);
// Errors: those of opendir(3).
Result<Members> members_of_folder(const std::string& folder);

// Ends of the frames that `bytes` starts with, as far as they are whole: zstd frames (RFC 8878) and gzip members that
// tell their length. Empty for anything else.
std::vector<size_t> frame_ends(std::string_view bytes);
// Rows in the local headers of a zip, by name; as far as the headers go.
std::vector<std::pair<std::string, std::string>> zip_rows(std::string_view bytes);

}  // namespace ec
