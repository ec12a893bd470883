#pragma once

#include <string>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

// Writes everything to the descriptor, which blocks. 0, or the error number of the first failure (EIO when the kernel
// took nothing).
int write_all(int fd, std::string_view bytes);

// A file with these bytes and mode 0600 appears under `path` when it is whole, in the place of what was there; until
// then it is a file beside it, which a failure removes. Errors: sys_error.
Result<void> store_file(const std::string& path, std::string_view bytes);

}  // namespace ec
