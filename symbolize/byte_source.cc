#include "symbolize/byte_source.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace ec {

namespace {

// A kernel that does not preempt lets nobody else have this CPU during a read.
constexpr size_t kMostPerCall = 512u << 10;

uint64_t regular_size(int fd) {
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size < 0) return 0;
  return static_cast<uint64_t>(status.st_size);
}

int open_file(int root_fd, const std::string& path, int flags) {
  if (root_fd < 0) return ::open(path.c_str(), flags);
  open_how how{};
  how.flags = static_cast<uint64_t>(flags);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  long fd = ::syscall(SYS_openat2, root_fd, path.c_str(), &how, sizeof how);
  if (fd >= 0) return static_cast<int>(fd);
  // EPERM: a seccomp filter older than the call.
  if (errno != ENOSYS && errno != EPERM) return -1;
  size_t first = path.find_first_not_of('/');
  return ::openat(root_fd, first == std::string::npos ? "." : path.c_str() + first, flags);
}

}  // namespace

ByteSource::ByteSource(std::string name, UniqueFd fd)
    : name_(std::move(name)), fd_(std::move(fd)), size_(regular_size(fd_.get())) {}

ByteSource::ByteSource(std::string name, std::string bytes)
    : name_(std::move(name)), bytes_(std::move(bytes)), size_(bytes_.size()) {}

bool ByteSource::read_some(uint64_t offset, uint64_t length, std::string& buffer) const {
  buffer.clear();
  if (offset >= size_) return true;
  length = std::min(length, size_ - offset);
  if (!fd_) {
    buffer.assign(bytes_, offset, length);
    return true;
  }
  buffer.resize(length);
  size_t have = 0;
  while (have < length) {
    size_t part = std::min<uint64_t>(length - have, kMostPerCall);
    ssize_t got = ::pread(fd_.get(), buffer.data() + have, part, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      int problem = got < 0 ? errno : 0;
      buffer.resize(have);
      errno = problem;
      return got == 0;
    }
    have += static_cast<size_t>(got);
  }
  return true;
}

Result<std::string> ByteSource::read(uint64_t offset, uint64_t length) const {
  std::string bytes;
  auto where = [&] { return fmt::format("{}+0x{:x}", name_, offset); };
  if (offset > size_ || length > size_ - offset)
    return fail(ErrorCode::kTruncated, where(), fmt::format("expected {} bytes, the file ends before", length));
  if (!read_some(offset, length, bytes)) return fail_errno(where(), errno, "read failed");
  if (bytes.size() != length)
    return fail(ErrorCode::kTruncated, where(), fmt::format("expected {} bytes, got {}", length, bytes.size()));
  return bytes;
}

std::string ByteSource::text_at(uint64_t offset, size_t limit) const {
  std::string text, part;
  while (text.size() < limit) {
    size_t want = std::min<size_t>(limit - text.size(), 256);
    if (!read_some(offset + text.size(), want, part) || part.empty()) break;
    size_t end = part.find('\0');
    text.append(part, 0, end);
    if (end != std::string::npos || part.size() < want) break;
  }
  return text;
}

Result<UniqueFd> open_inside(int root_fd, std::string_view path, int flags) {
  std::string name(path);
  // O_PATH goes with no other flags but these.
  flags |= flags & O_PATH ? O_CLOEXEC : O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  UniqueFd fd(open_file(root_fd, name, flags));
  if (!fd) return fail_errno(name, errno, "open failed");
  return fd;
}

Result<UniqueFd> open_regular(int root_fd, std::string_view path) {
  auto fd = open_inside(root_fd, path, O_RDONLY);
  if (!fd) return fd;
  struct stat status {};
  if (::fstat(fd->get(), &status) != 0) return fail_errno(std::string(path), errno, "fstat failed");
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::kUnsupported, std::string(path), "not a regular file");
  return fd;
}

}  // namespace ec
