// /proc/PID/maps, proc(5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

struct MapsEntry {
  uint64_t begin = 0, end = 0;  // begin < end
  uint64_t offset = 0;          // into the file, bytes
  uint64_t inode = 0;           // 0: no file
  uint32_t device_major = 0, device_minor = 0;
  bool readable = false, writable = false, executable = false, shared = false;
  bool deleted = false;  // the file was unlinked; also true for shared memory without a name ("/dev/zero")
  std::string name;      // path as in the process's mount namespace, without " (deleted)"; "[heap]"; "" = anonymous
};

// One line, without its newline. False when it does not have the form; `entry` is then half filled.
bool parse_maps_line(std::string_view line, MapsEntry& entry);
// Errors: malformed, with the line.
Result<std::vector<MapsEntry>> parse_maps(std::string_view where, std::string_view text);

}  // namespace ec
