// Files below the root directory of a target: its symbolic links must not lead out of it.
#pragma once

#include <string>

#include "collector/base/error.h"
#include "collector/base/unique_fd.h"

namespace ec {

// `path` as the process whose root is `root` ("/proc/42/root", "" = ours) would mean it; `flags` of open(2), O_CLOEXEC
// is added. Before Linux 5.6, or behind a seccomp filter that is older, no symbolic link is followed at all.
// Errors: that of openat2(2); unsupported ("..", where links cannot be resolved below the root).
Result<UniqueFd> open_below(const std::string& root, const std::string& path, int flags);
// The first `limit` bytes of a regular file; a FIFO or a device is not opened for what it is not. Errors: as above,
// malformed (no regular file), io.
Result<std::string> read_below(const std::string& root, const std::string& path, size_t limit);

// The first `limit` bytes of an open file, to its end when there are less. `name` is for errors.
Result<std::string> read_open(int fd, const std::string& name, size_t limit);

}  // namespace ec
