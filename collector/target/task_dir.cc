#include "collector/target/task_dir.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "collector/base/directory_entries.h"
#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kFirstRead = 16 * 1024;
constexpr size_t kLargestFile = 1 << 20;

}  // namespace

Result<TaskDir> TaskDir::open(pid_t pid) {
  std::string path = fmt::format("/proc/{}/task", pid);
  TaskDir tasks;
  tasks.pid_ = pid;
  tasks.directory_.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!tasks.directory_) return fail_errno(path, errno);
  tasks.buffer_.resize(kFirstRead);
  return tasks;
}

Result<std::vector<pid_t>> TaskDir::list() const {
  std::string path = fmt::format("/proc/{}/task", pid_);
  // A descriptor of its own: directory positions are shared by duplicates.
  UniqueFd own(::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) return fail_errno(path, errno);
  std::vector<pid_t> tids;
  each_directory_entry(own.get(), [&](std::string_view name) {
    if (auto tid = parse_number<pid_t>(name)) tids.push_back(*tid);
    return true;
  });
  if (tids.empty()) return fail(ErrorCode::kGone, path, "no threads left");
  std::sort(tids.begin(), tids.end());
  return tids;
}

Result<std::string_view> TaskDir::read(pid_t tid, const char* file) {
  auto fd = open_file(tid, file);
  if (!fd) return tl::unexpected(std::move(fd.error()));
  return read(*fd, tid, file);
}

Result<UniqueFd> TaskDir::open_file(pid_t tid, const char* file) const {
  char name[64];
  std::snprintf(name, sizeof name, "%d/%s", tid, file);
  UniqueFd fd(::openat(directory_.get(), name, O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(fmt::format("/proc/{}/task/{}", pid_, name), errno);
  return fd;
}

Result<std::string_view> TaskDir::read(const UniqueFd& fd, pid_t tid, const char* file) {
  size_t filled = 0;
  while (true) {
    ssize_t got = ::pread(fd.get(), buffer_.data() + filled, buffer_.size() - filled, static_cast<off_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(fmt::format("/proc/{}/task/{}/{}", pid_, tid, file), errno);
    filled += static_cast<size_t>(got);
    if (got == 0 || filled < buffer_.size()) break;
    if (buffer_.size() >= kLargestFile) break;
    buffer_.resize(buffer_.size() * 4);
  }
  return std::string_view(buffer_.data(), filled);
}

}  // namespace ec
