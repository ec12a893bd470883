#include "collector/proc/cgroup_mounts.h"

#include <algorithm>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kMostLevels = 64;

bool carries(const MountEntry& mount, const CgroupEntry& entry) {
  if (entry.controllers.empty()) return mount.type == "cgroup2";
  if (mount.type != "cgroup") return false;
  auto options = split(mount.super_options, ',');
  return std::all_of(entry.controllers.begin(), entry.controllers.end(), [&](const std::string& controller) {
    return std::find(options.begin(), options.end(), controller) != options.end();
  });
}

// What of `path` lies below `root`: "" or "/…"; nothing when it is elsewhere.
std::optional<std::string_view> below(std::string_view path, std::string_view root) {
  std::string_view rest = path;
  if (root != "/") {
    if (!path.starts_with(root)) return std::nullopt;
    rest = path.substr(root.size());
  }
  if (!rest.empty() && rest[0] != '/') return std::nullopt;
  // "/..": outside of our cgroup namespace, and so outside of what this mount shows.
  for (std::string_view part : split(rest, '/'))
    if (part == "..") return std::nullopt;
  return rest == "/" ? std::string_view{} : rest;
}

}  // namespace

std::string hierarchy_name(const CgroupEntry& entry) {
  if (entry.controllers.empty()) return "unified";
  std::string name;
  for (const std::string& controller : entry.controllers) {
    if (!name.empty()) name += ',';
    name += controller;
  }
  return name;
}

std::vector<std::string> cgroup_ancestry(const std::string& path) {
  std::vector<std::string> paths;
  std::string at = path;
  while (paths.size() + 1 < kMostLevels && at.size() > 1) {
    paths.push_back(at);
    at.resize(at.rfind('/') == std::string::npos ? 0 : at.rfind('/'));
  }
  paths.emplace_back("/");
  return paths;
}

std::vector<CgroupLevel> cgroup_levels(const CgroupEntry& entry, const std::vector<MountEntry>& mounts) {
  // Of several mounts the one with the shortest root shows the most ancestors.
  const MountEntry* best = nullptr;
  for (const MountEntry& mount : mounts)
    if (carries(mount, entry) && below(entry.path, mount.root) && (!best || mount.root.size() < best->root.size()))
      best = &mount;
  if (!best) return {};
  std::vector<CgroupLevel> levels;
  for (const std::string& path : cgroup_ancestry(entry.path)) {
    auto rest = below(path, best->root);
    if (!rest) break;
    levels.push_back({path, best->mount_point + std::string(*rest)});
  }
  return levels;
}

}  // namespace ec
