#include "collector/proc/pid_cgroup.h"

#include <array>

#include "collector/base/text.h"

namespace ec {

Result<std::vector<CgroupEntry>> parse_pid_cgroup(std::string_view where, std::string_view text) {
  std::vector<CgroupEntry> entries;
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    size_t first = line->find(':');
    size_t second = first == std::string_view::npos ? first : line->find(':', first + 1);
    if (second == std::string_view::npos) return tl::unexpected(lines.expected("hierarchy:controllers:path"));
    CgroupEntry entry;
    auto number = parse_number<int>(line->substr(0, first));
    if (!number || *number < 0) return tl::unexpected(lines.expected("a hierarchy number"));
    entry.hierarchy = *number;
    std::string_view controllers = line->substr(first + 1, second - first - 1);
    if (!controllers.empty())
      for (std::string_view name : split(controllers, ',')) entry.controllers.emplace_back(name);
    std::string_view path = line->substr(second + 1);
    if (!path.starts_with('/')) return tl::unexpected(lines.expected("a path that begins with '/'"));
    constexpr std::string_view kDeleted = " (deleted)";
    if (path.ends_with(kDeleted)) {
      entry.removed = true;
      path.remove_suffix(kDeleted.size());
    }
    entry.path = path;
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string full_unit_name(std::string_view name) {
  constexpr std::array<std::string_view, 11> kTypes{".service", ".scope", ".slice",  ".socket", ".mount",    ".swap",
                                                    ".timer",   ".path",  ".device", ".target", ".automount"};
  for (std::string_view type : kTypes)
    if (name.ends_with(type) && name.size() > type.size()) return std::string(name);
  return std::string(name) + ".service";
}

bool path_has_unit(std::string_view path, std::string_view full_name) {
  for (size_t at = path.find(full_name); at != std::string_view::npos; at = path.find(full_name, at + 1)) {
    bool begins = at == 0 || path[at - 1] == '/';
    size_t end = at + full_name.size();
    if (begins && (end == path.size() || path[end] == '/')) return !full_name.empty();
  }
  return false;
}

std::string unit_from_path(std::string_view path) {
  std::string_view slice;
  auto parts = split(path, '/');
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part->ends_with(".service") || part->ends_with(".scope")) return std::string(*part);
    if (slice.empty() && part->ends_with(".slice")) slice = *part;
  }
  return std::string(slice);
}

namespace {

bool is_id(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

// Forms: /docker/ID, /system.slice/docker-ID.scope, …/cri-containerd-ID.scope, …/crio-ID.scope, …/libpod-ID.scope,
// /kubepods/burstable/podUID/ID, …/system.slice:cri-containerd:ID, /libpod_parent/libpod-ID/container.
std::string container_id_from_path(std::string_view path) {
  auto parts = split(path, '/');
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    std::string_view name = *part;
    if (name.ends_with(".scope")) name.remove_suffix(6);
    size_t mark = name.find_last_of("-:");
    if (mark != std::string_view::npos) name.remove_prefix(mark + 1);
    // conmon watches a container of that id from outside; it is not in it.
    if (is_id(name) && part->find("conmon") == std::string_view::npos) return std::string(name);
  }
  return "";
}

}  // namespace ec
