// /proc/pressure/{cpu,memory,io,irq} and the cgroup v2 files {cpu,memory,io,irq}.pressure.
// Documentation/accounting/psi.rst
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

struct StallLine {
  double avg10 = 0, avg60 = 0, avg300 = 0;  // percent of wall time, 0…100
  uint64_t total_us = 0;
};

struct PressureFile {
  std::optional<StallLine> some, full;  // cpu of a host has no "full" before Linux 5.13; irq has no "some"
};

// Lines of other kinds than "some" and "full" are skipped: the kernel may add some. Errors: malformed; truncated when
// neither line is there.
Result<PressureFile> parse_pressure(std::string_view where, std::string_view text);

}  // namespace ec
