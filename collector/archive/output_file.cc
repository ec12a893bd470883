#include "collector/archive/output_file.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "collector/base/text.h"
#include "collector/base/write_file.h"

namespace ec {

namespace {

constexpr uint64_t kReserve = 192 * 1024;
constexpr int kMostNames = 1000;
constexpr int kPatienceAfterSignalMs = 1000;

// SIGPIPE and SIGXFSZ become EPIPE and EFBIG for this thread while it lives.
class QuietWrites {
 public:
  QuietWrites() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGPIPE);
    sigaddset(&signals_, SIGXFSZ);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1 || sigismember(&pending, SIGXFSZ) == 1;
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  }
  ~QuietWrites() {
    timespec at_once{0, 0};
    if (!was_pending_)
      while (sigtimedwait(&signals_, nullptr, &at_once) > 0) {
      }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  QuietWrites(const QuietWrites&) = delete;
  QuietWrites& operator=(const QuietWrites&) = delete;

 private:
  sigset_t signals_, before_;
  bool was_pending_ = false;
};

std::string read_all(const char* path) {
  UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 16 * 1024> buffer;
  ssize_t got;
  while (fd && text.size() < (4u << 20) && (got = read(fd.get(), buffer.data(), buffer.size())) > 0)
    text.append(buffer.data(), static_cast<size_t>(got));
  return text;
}

bool is_under(std::string_view path, std::string_view mount_point) {
  if (mount_point == "/" || path.empty()) return true;
  return path.starts_with(mount_point) && (path.size() == mount_point.size() || path[mount_point.size()] == '/');
}

bool full(int sys_errno) {
  return sys_errno == ENOSPC || sys_errno == EDQUOT || sys_errno == EFBIG || sys_errno == EIO || sys_errno == ENOMEM;
}

// write_all() for a pipe or a socket, whose reader may take nothing any more: a write of PIPE_BUF bytes does not block
// once there is room. A signal asks the run to end.
int write_to_reader(int fd, std::string_view bytes, int patience_ms) {
  while (!bytes.empty()) {
    pollfd room{fd, POLLOUT, 0};
    int polled = poll(&room, 1, patience_ms);
    if (polled == 0) return ETIMEDOUT;
    ssize_t written = polled < 0 ? -1 : ::write(fd, bytes.data(), std::min<size_t>(bytes.size(), PIPE_BUF));
    if (written > 0)
      bytes.remove_prefix(static_cast<size_t>(written));
    else if (written == 0 || (errno != EINTR && errno != EAGAIN))
      return written < 0 ? errno : EIO;
    else if (errno == EINTR)
      patience_ms = std::min(patience_ms, kPatienceAfterSignalMs);
  }
  return 0;
}

}  // namespace

std::string filesystem_from(std::string_view mountinfo, unsigned major_number, unsigned minor_number,
                            std::string_view path) {
  std::string device = fmt::format("{}:{}", major_number, minor_number), best, best_point;
  LineCursor lines("/proc/self/mountinfo", mountinfo);
  while (auto line = lines.next()) {
    auto fields = split_fields(*line);
    auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 6 || fields[2] != device || fields.end() - dash < 3) continue;
    std::string point = unescape_octal(fields[4]);
    if (!is_under(path, point) || point.size() < best_point.size()) continue;
    best = fmt::format("{} mounted on {} ({})", unescape_octal(dash[2]), point, dash[1]);
    best_point = std::move(point);
  }
  return printable_line(best);
}

std::string filesystem_of(int fd) {
  struct stat about {};
  if (fstat(fd, &about) != 0) return {};
  std::string path(4096, '\0');
  ssize_t length = readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), path.data(), path.size());
  path.resize(static_cast<size_t>(std::max<ssize_t>(length, 0)));
  return filesystem_from(read_all("/proc/self/mountinfo"), major(about.st_dev), minor(about.st_dev), path);
}

Result<std::unique_ptr<OutputFile>> OutputFile::create(const std::string& output, const std::string& stem,
                                                       std::string_view extension) {
  std::unique_ptr<OutputFile> out(new OutputFile);
  out->stem_ = stem;
  out->extension_ = extension;
  std::string where = output.empty() ? "." : output;
  struct stat about {};
  bool exists = stat(where.c_str(), &about) == 0;
  if (exists && S_ISDIR(about.st_mode)) {
    out->folder_ = where.ends_with('/') ? where : where == "." && output.empty() ? "" : where + '/';
  } else if (exists && !S_ISREG(about.st_mode)) {
    return fail(ErrorCode::kUsage, where, "is neither a file nor a directory; -o - writes to standard output");
  } else {
    size_t slash = where.rfind('/');
    out->folder_ = where.substr(0, slash == std::string::npos ? 0 : slash + 1);
    std::string name = where.substr(out->folder_.size());
    if (name.empty()) return fail(ErrorCode::kNotFound, where, "no such directory");
    std::string_view known[] = {".tar.zst", ".tar.gz", ".tgz", ".zip"};
    out->extension_.clear();
    for (std::string_view end : known)
      if (name.size() > end.size() && name.ends_with(end)) out->extension_ = end;
    out->stem_ = name.substr(0, name.size() - out->extension_.size());
  }

  const char* folder = out->folder_.empty() ? "." : out->folder_.c_str();
  out->directory_.reset(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!out->directory_) {
    int problem = errno;
    // Without the right to list it, files can still be made in it.
    out->directory_.reset(open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!out->directory_) {
      Error error = sys_error(where, problem, fmt::format("cannot open the directory {}", folder));
      if (problem == ENOENT || problem == ENOTDIR) error.code = ErrorCode::kNotFound;
      return tl::unexpected(error);
    }
  }
  out->device_ = filesystem_of(out->directory_.get());
  for (; out->number_ <= kMostNames; ++out->number_) {
    std::string name = out->numbered(out->number_), partial = name + ".partial";
    if (fstatat(out->directory_.get(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0) continue;
    out->file_.reset(
        openat(out->directory_.get(), partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (out->file_) break;
    if (errno == EEXIST) continue;
    std::string detail = "cannot create the archive";
    if (!out->device_.empty()) detail += " on " + out->device_;
    return tl::unexpected(sys_error(out->folder_ + partial, errno, detail));
  }
  if (!out->file_)
    return fail(ErrorCode::kUsage, where, fmt::format("{} archives of this name are there already", kMostNames));
  out->fd_ = out->file_.get();
  out->regular_ = true;
  out->measure();
  return out;
}

Result<std::unique_ptr<OutputFile>> OutputFile::stream(int fd, int patience_ms) {
  std::unique_ptr<OutputFile> out(new OutputFile);
  out->patience_ms_ = patience_ms;
  struct stat about {};
  if (fstat(fd, &about) != 0) return fail_errno("standard output", errno);
  out->fd_ = fd;
  out->stem_ = "-";
  out->regular_ = S_ISREG(about.st_mode);
  if (out->regular_) {
    off_t at = fcntl(fd, F_GETFL) & O_APPEND ? about.st_size : lseek(fd, 0, SEEK_CUR);
    out->start_ = static_cast<uint64_t>(std::max<off_t>(at, 0));
    out->device_ = filesystem_of(fd);
    out->measure();
  }
  return out;
}

OutputFile::~OutputFile() = default;

// A filesystem of 1 MiB cannot spare 192 KiB.
void OutputFile::measure() {
  struct statvfs space {};
  reserve_ = kReserve;
  if (fstatvfs(fd_, &space) == 0 && space.f_blocks > 0)
    reserve_ = std::min<uint64_t>(kReserve, uint64_t{space.f_blocks} * space.f_frsize / 8);
}

std::string OutputFile::numbered(int number) const {
  return number == 1 ? stem_ + extension_ : fmt::format("{}-{}{}", stem_, number, extension_);
}

std::string OutputFile::path() const {
  if (!file_ && !finished_) return "-";
  return folder_ + numbered(number_) + (finished_ ? "" : ".partial");
}

Error OutputFile::no_space(int sys_errno, std::string_view detail) const {
  std::string text = device_.empty() ? std::string(detail) : fmt::format("{}: {}", device_, detail);
  ErrorCode code = sys_errno == EIO ? ErrorCode::kIo : ErrorCode::kNoSpace;
  return Error{code, path() == "-" ? "standard output" : path(), std::move(text), sys_errno};
}

// After a write that failed half-way: back to the last whole frame.
Result<void> OutputFile::roll_back(int sys_errno) {
  off_t end = static_cast<off_t>(start_ + offset_);
  is_broken_ = true;
  broken_ = no_space(sys_errno, full(sys_errno) ? "write failed" : "cannot write");
  if (!regular_ || !full(sys_errno)) {
    if (sys_errno == EPIPE) broken_ = Error{ErrorCode::kIo, "standard output", "the reader is gone", EPIPE};
    if (sys_errno == ETIMEDOUT)
      broken_ = Error{ErrorCode::kIo, "standard output", "the reader takes nothing any more", 0};
    return tl::unexpected(broken_);
  }
  int truncated;
  do truncated = ftruncate(fd_, end);
  while (truncated != 0 && errno == EINTR);
  if (truncated != 0 || lseek(fd_, end, SEEK_SET) != end) return tl::unexpected(broken_);
  is_broken_ = false;
  return tl::unexpected(broken_);
}

Result<void> OutputFile::append(std::string_view bytes, uint64_t kept) {
  if (is_broken_) return tl::unexpected(broken_);
  struct statvfs space {};
  if (regular_ && fstatvfs(fd_, &space) == 0 && space.f_blocks > 0) {
    uint64_t available = uint64_t{space.f_bavail} * space.f_frsize;
    if (available < bytes.size() + kept)
      return tl::unexpected(no_space(
          ENOSPC,
          fmt::format(
              "{} free, {} needed{}", human_bytes(static_cast<double>(available)),
              human_bytes(static_cast<double>(bytes.size())),
              kept ? fmt::format(" and {} kept for what matters more", human_bytes(static_cast<double>(kept))) : "")));
  }
  QuietWrites quiet;
  if (int problem = regular_ ? write_all(fd_, bytes) : write_to_reader(fd_, bytes, patience_ms_))
    return roll_back(problem);
  offset_ += bytes.size();
  return {};
}

Result<void> OutputFile::finish() {
  if (is_broken_) return tl::unexpected(broken_);
  if (!file_) {
    if (regular_) fdatasync(fd_);
    return {};
  }
  if (fdatasync(fd_) != 0 && errno != EINVAL && errno != EROFS) return tl::unexpected(no_space(errno, "cannot sync"));
  std::string partial = numbered(number_) + ".partial";
  int number = number_;
  while (true) {
    std::string name = numbered(number);
    int renamed = renameat2(directory_.get(), partial.c_str(), directory_.get(), name.c_str(), RENAME_NOREPLACE);
    if (renamed != 0 && (errno == EINVAL || errno == ENOSYS)) {
      // This filesystem cannot refuse to replace: a link can.
      renamed = linkat(directory_.get(), partial.c_str(), directory_.get(), name.c_str(), 0);
      if (renamed == 0)
        unlinkat(directory_.get(), partial.c_str(), 0);
      else if (errno == EPERM || errno == EOPNOTSUPP)
        renamed = renameat(directory_.get(), partial.c_str(), directory_.get(), name.c_str());
    }
    if (renamed == 0) break;
    int problem = errno;
    struct stat about {};
    if (problem == ENOENT && fstat(fd_, &about) == 0 && about.st_nlink == 0)
      return fail(ErrorCode::kNotFound, path(), "somebody removed it while it was written");
    if (problem != EEXIST || ++number > kMostNames) return fail_errno(path(), problem, "cannot rename to " + name);
  }
  number_ = number;
  finished_ = true;
  fsync(directory_.get());
  file_.reset();
  return {};
}

}  // namespace ec
