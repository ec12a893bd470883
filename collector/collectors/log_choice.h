// Which open files are logs, and what their tails are called in the archive. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ec {

// How much this looks like a log, by path and the way it is open: 0 = not one. `path` is the link text without
// " (deleted)"; data files that are appended to as well (databases' journals, indexes) are not.
int log_likelihood(std::string_view path, int fd, bool append);

// "logs/3-error.log": letters, digits, '.', '-' and '_' of the file name, at most 60 of them.
std::string log_artifact(std::string_view path, int fd);

// From the first whole line on; everything when there is no line end. Never begins inside a UTF-8 character.
std::string_view from_line_start(std::string_view tail, bool cut);

// False for binary content and for the append-only file of Redis, which holds its data.
bool looks_like_log(std::string_view tail);

}  // namespace ec
