// /proc/PID/mountinfo, proc(5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

struct MountEntry {
  int id = 0, parent = 0;
  uint32_t device_major = 0, device_minor = 0;
  std::string root;           // what of the filesystem is mounted: "/", "/docker/…"
  std::string mount_point;    // relative to the root directory of the process
  std::string options;        // of this mount: "rw,nosuid,relatime"
  std::string propagation;    // optional fields: "shared:2 master:1"; "" = private
  std::string type;           // "ext4", "cgroup2", "fuse.sshfs"
  std::string source;         // "/dev/vda1", "tmpfs"
  std::string super_options;  // of the filesystem: "rw,memory"
};

// Spaces and the like (\040) are unescaped. Errors: malformed.
Result<std::vector<MountEntry>> parse_mountinfo(std::string_view where, std::string_view text);

}  // namespace ec
