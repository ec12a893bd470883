#include "collector/base/open_below.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "collector/base/text.h"

namespace ec {

namespace {

// Component by component.
Result<UniqueFd> open_by_steps(UniqueFd at, const std::string& root, const std::string& path, int flags) {
  std::vector<std::string_view> parts = split(path, '/');
  std::erase_if(parts, [](std::string_view part) { return part.empty() || part == "."; });
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == "..") return fail(ErrorCode::kUnsupported, root + path, "'..' in a path below another root");
    int step = i + 1 == parts.size() ? flags : O_PATH;
    UniqueFd next(openat(at.get(), std::string(parts[i]).c_str(), step | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return fail_errno(root + path, errno);
    at = std::move(next);
  }
  return at;
}

}  // namespace

Result<UniqueFd> open_below(const std::string& root, const std::string& path, int flags) {
  if (root.empty()) {
    UniqueFd fd(open(path.c_str(), flags | O_CLOEXEC));
    if (!fd) return fail_errno(path, errno);
    return fd;
  }
  UniqueFd top(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!top) return fail_errno(root, errno);
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  UniqueFd fd(static_cast<int>(syscall(SYS_openat2, top.get(), path.c_str(), &how, sizeof how)));
  if (fd) return fd;
  if (errno != ENOSYS && errno != EPERM) return fail_errno(root + path, errno);
  return open_by_steps(std::move(top), root, path, flags);
}

Result<std::string> read_below(const std::string& root, const std::string& path, size_t limit) {
  auto file = open_below(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return tl::unexpected(file.error());
  struct stat facts {};
  if (fstat(file->get(), &facts) != 0) return fail_errno(root + path, errno);
  if (!S_ISREG(facts.st_mode)) return fail(ErrorCode::kMalformed, root + path, "expected a regular file");
  return read_open(file->get(), root + path, limit);
}

Result<std::string> read_open(int fd, const std::string& name, size_t limit) {
  std::string text;
  while (text.size() < limit) {
    char chunk[16 * 1024];
    ssize_t got = read(fd, chunk, std::min(sizeof chunk, limit - text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(name, errno);
    if (got == 0) break;
    text.append(chunk, static_cast<size_t>(got));
  }
  return text;
}

}  // namespace ec
