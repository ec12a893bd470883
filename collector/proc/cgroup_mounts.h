// Where the control files of a cgroup are: a path of /proc/PID/cgroup and the mounts of /proc/self/mountinfo. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "collector/proc/mountinfo.h"
#include "collector/proc/pid_cgroup.h"

namespace ec {

// Name of a hierarchy in section names: "unified" for v2, else its controllers, "cpu,cpuacct".
std::string hierarchy_name(const CgroupEntry& entry);

struct CgroupLevel {
  std::string path;       // as in /proc/PID/cgroup
  std::string directory;  // that we can open
};

// The cgroup and all above it that are mounted, own one first. Empty when its hierarchy is not mounted, or only parts
// of it that the cgroup is not in (a container without its host's cgroups).
std::vector<CgroupLevel> cgroup_levels(const CgroupEntry& entry, const std::vector<MountEntry>& mounts);

// The cgroup and all above it, as paths: "/a/b", "/a", "/". At most 64.
std::vector<std::string> cgroup_ancestry(const std::string& path);

}  // namespace ec
