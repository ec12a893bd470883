#include "collector/base/directory_entries.h"

#include <dirent.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace ec {

namespace {

constexpr size_t kReadAtOnce = 4096;  // about 170 names of /proc

}  // namespace

int each_directory_entry(int fd, const std::function<bool(std::string_view name)>& visit) {
  alignas(dirent64) std::array<char, kReadAtOnce> buffer;
  while (true) {
    ssize_t got = getdents64(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got < 0 ? errno : 0;
    for (size_t at = 0; at < static_cast<size_t>(got);) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      std::string_view name = entry->d_name;
      if (name != "." && name != ".." && !visit(name)) return 0;
    }
  }
}

}  // namespace ec
