#include "collector/target/match.h"

#include <algorithm>
#include <set>

#include "collector/base/text.h"

namespace ec {

std::vector<pid_t> without_descendants(const std::vector<pid_t>& found, const ProcessNodes& all) {
  std::set<pid_t> members(found.begin(), found.end());
  auto has_ancestor_in_found = [&](pid_t pid) {
    // The tree was not read at one moment: a reused PID can close a circle, so the walk is bounded.
    for (size_t steps = 0; steps <= all.size(); ++steps) {
      auto node = all.find(pid);
      if (node == all.end() || node->second.ppid == pid || node->second.ppid <= 0) return false;
      pid = node->second.ppid;
      if (members.contains(pid)) return true;
    }
    return false;
  };
  std::vector<ProcessNode> roots;
  for (pid_t pid : members)
    if (!has_ancestor_in_found(pid)) {
      auto node = all.find(pid);
      roots.push_back(node == all.end() ? ProcessNode{pid, 0, 0, '?', ""} : node->second);
    }
  auto dead = [](const ProcessNode& node) { return node.state == 'Z' || node.state == 'X'; };
  if (!std::all_of(roots.begin(), roots.end(), dead)) std::erase_if(roots, dead);
  std::sort(roots.begin(), roots.end(), [](const ProcessNode& a, const ProcessNode& b) {
    return std::pair(a.start_ticks, a.pid) < std::pair(b.start_ticks, b.pid);
  });
  std::vector<pid_t> pids;
  pids.reserve(roots.size());
  for (const ProcessNode& root : roots) pids.push_back(root.pid);
  return pids;
}

void add_listening_inodes(std::string_view text, uint16_t port, std::unordered_set<uint64_t>& inodes) {
  constexpr std::string_view kListen = "0A";
  LineCursor lines("tcp", text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    fields.word();
    auto local = fields.word();
    fields.word();
    auto state = fields.word();
    if (!local || state != kListen) continue;
    size_t colon = local->rfind(':');
    if (colon == std::string_view::npos || parse_number<uint16_t>(local->substr(colon + 1), 16) != port) continue;
    for (int i = 0; i < 5; ++i) fields.word();
    auto inode = fields.number<uint64_t>();
    if (inode && *inode != 0) inodes.insert(*inode);
  }
}

uint64_t socket_inode(std::string_view link) {
  constexpr std::string_view kBegin = "socket:[";
  if (!link.starts_with(kBegin) || !link.ends_with(']')) return 0;
  return parse_number<uint64_t>(link.substr(kBegin.size(), link.size() - kBegin.size() - 1)).value_or(0);
}

std::string_view environment_value(std::string_view environment, std::string_view name) {
  for (std::string_view entry : split(environment, '\0'))
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return entry.substr(name.size() + 1);
  return {};
}

std::string_view file_name(std::string_view path) {
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace ec
