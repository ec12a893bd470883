// /proc/PID/statm, proc(5).
#pragma once

#include <cstdint>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

struct Statm {
  uint64_t size_pages = 0, resident_pages = 0, shared_pages = 0, text_pages = 0, data_pages = 0;
};

// Errors: malformed.
Result<Statm> parse_statm(std::string_view where, std::string_view text);

}  // namespace ec
