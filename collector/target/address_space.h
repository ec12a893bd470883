// The address space of a process as freezing and unwinding need it: who maps which addresses, found by binary search.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

struct Region {
  uint64_t begin = 0, end = 0, offset = 0, inode = 0;
  uint32_t device_major = 0, device_minor = 0;
  bool readable = false, writable = false, executable = false;
  uint32_t name = 0;  // index into AddressSpace::names
};

struct AddressSpace {
  std::vector<Region> regions;     // ascending, not overlapping
  std::vector<std::string> names;  // as in maps, octal escapes undone: "/usr/lib/x.so (deleted)", "[vdso]", ""

  // The region that holds `address`, null when none does.
  const Region* find(uint64_t address) const;
  const std::string& name(const Region& region) const { return names[region.name]; }
};

// Text of /proc/PID/maps, proc(5). Errors: malformed.
Result<AddressSpace> parse_address_space(std::string_view where, std::string_view text);

// Reads /proc/PID/task/TID/maps of a thread that is not a zombie: that of a zombie leader is empty.
Result<AddressSpace> read_address_space(pid_t pid, pid_t live_tid);

}  // namespace ec
