#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collector/collectors/socket_tables.h"
#include "collector/proc/inet_diag.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::unordered_set<uint64_t> inodes{1, 576778};
  auto visit = [&](const auto& socket) { inodes.insert(socket.inode); };
  (void)ec::parse_inet_diag("x", bytes, visit);
  (void)ec::parse_unix_diag("x", bytes, visit);
  (void)ec::without_foreign_attributes(bytes, {1});
  (void)ec::read_sockets({{"tcp", false, bytes, "tcp"}, {"unix", false, bytes, "unix"}, {"udp", true, bytes, "udp"}},
                         inodes, 100);
  return 0;
}
