// Open files sorted into classes a person asks for: "TCP connections in CLOSE_WAIT", "deleted files", "pipes".
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "collector/snapshot/snapshot.h"

namespace ec {

struct FileClass {
  std::string words;  // plural: "TCP connections in CLOSE_WAIT"
  uint64_t count = 0;
  int example_fd = -1;
};
// Largest first.
std::vector<FileClass> file_classes(const OpenFiles& files);

bool is_tcp(const Socket& socket);  // tcp, tcp6, mptcp
// TCP sockets of the target by state, "LISTEN" included.
std::map<std::string, uint64_t> tcp_states(const OpenFiles& files);

}  // namespace ec
