// Which of several processes a person means. Pure.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "collector/base/error.h"

namespace ec {

// One process of the host, as a search sees it.
struct ProcessNode {
  pid_t pid = 0, ppid = 0;
  uint64_t start_ticks = 0;
  char state = '?';
  std::string comm;
};
using ProcessNodes = std::map<pid_t, ProcessNode>;

// The members of `found` that have no ancestor in `found` (nginx master without its workers), oldest first. Zombies are
// dropped when something alive remains.
std::vector<pid_t> without_descendants(const std::vector<pid_t>& found, const ProcessNodes& all);

// Inodes of sockets in state LISTEN on `port`, from the text of /proc/net/tcp or tcp6. Malformed lines are skipped.
void add_listening_inodes(std::string_view text, uint16_t port, std::unordered_set<uint64_t>& inodes);

// The number in "socket:[123]"; 0 for every other link.
uint64_t socket_inode(std::string_view link);

// The value of `name` in the NUL-separated text of /proc/PID/environ; "" when it is not there.
std::string_view environment_value(std::string_view environment, std::string_view name);

// Last component of a path, without " (deleted)".
std::string_view file_name(std::string_view path);

}  // namespace ec
