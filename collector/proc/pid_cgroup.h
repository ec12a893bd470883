// /proc/PID/cgroup, cgroups(7), and what a cgroup path tells about who made it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

struct CgroupEntry {
  int hierarchy = 0;                     // 0 = the v2 hierarchy
  std::vector<std::string> controllers;  // "cpu", "cpuacct", "name=systemd"; empty for v2
  std::string path;                      // as seen from our cgroup namespace; may begin with "/.."
  bool removed = false;                  // the cgroup was deleted while the (zombie) process was in it
};

// Errors: malformed.
Result<std::vector<CgroupEntry>> parse_pid_cgroup(std::string_view where, std::string_view text);

// "nginx" → "nginx.service"; a name that ends in a unit type of systemd stays.
std::string full_unit_name(std::string_view name);
// True when a component of `path` is the unit.
bool path_has_unit(std::string_view path, std::string_view full_name);
// The innermost service or scope of systemd in `path`, else the innermost slice; "" when none. The scope of a container
// ("docker-….scope") counts as one.
std::string unit_from_path(std::string_view path);
// 64 hex digits of docker, containerd, cri-o, podman, in any of the forms that their cgroup drivers write, innermost
// first; "" when none.
std::string container_id_from_path(std::string_view path);

}  // namespace ec
