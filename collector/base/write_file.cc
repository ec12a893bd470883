#include "collector/base/write_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "collector/base/unique_fd.h"

namespace ec {

int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written > 0)
      bytes.remove_prefix(static_cast<size_t>(written));
    else if (written == 0 || errno != EINTR)
      return written < 0 ? errno : EIO;
  }
  return 0;
}

Result<void> store_file(const std::string& path, std::string_view bytes) {
  std::string beside = path + ".XXXXXX";
  UniqueFd fd(::mkostemp(beside.data(), O_CLOEXEC));
  if (!fd) return fail_errno(path, errno, "cannot be made");
  int problem = write_all(fd.get(), bytes);
  if (problem == 0 && std::rename(beside.c_str(), path.c_str()) != 0) problem = errno;
  if (problem == 0) return {};
  ::unlink(beside.c_str());
  return fail_errno(path, problem, "cannot be written");
}

}  // namespace ec
