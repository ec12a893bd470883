// /proc/interrupts and /proc/softirqs: counts per CPU. proc(5)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

struct InterruptCount {
  std::string name;         // "24", "LOC", "NET_RX"
  std::string description;  // "IO-APIC 5-edge ACPI:Ged", "Local timer interrupts", "" in softirqs
  uint64_t total = 0;       // over all CPUs, since boot
};

// Errors: malformed; truncated when the line of CPUs is missing.
Result<std::vector<InterruptCount>> parse_interrupts(std::string_view where, std::string_view text);

}  // namespace ec
