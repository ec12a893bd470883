#include "collector/proc/proc_root.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "collector/base/directory_entries.h"
#include "collector/base/text.h"

namespace ec {

Result<ProcRoot> ProcRoot::open(const std::string& directory) {
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(directory, errno);
  return ProcRoot(std::move(fd), directory);
}

Result<std::string_view> ProcRoot::read(const char* path, std::string& buffer, size_t limit) const {
  auto place = [&] { return directory_ + "/" + path; };
  UniqueFd file(openat(fd_.get(), path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file) return fail_errno(place(), errno);
  constexpr size_t kFirstRead = 4096;
  size_t filled = 0;
  while (filled < limit) {
    // Only the kernel knows how much a proc file holds; an untouched buffer keeps what it grew to before.
    size_t room = std::min(limit, std::max(kFirstRead, filled * 2));
    if (buffer.size() < room) buffer.resize(room);
    ssize_t got = ::read(file.get(), buffer.data() + filled, std::min(buffer.size(), limit) - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(place(), errno);
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  return std::string_view(buffer.data(), filled);
}

Result<std::string> ProcRoot::read(const std::string& path, size_t limit) const {
  std::string buffer;
  auto text = read(path.c_str(), buffer, limit);
  if (!text) return tl::unexpected(text.error());
  return std::string(*text);
}

Result<std::string> ProcRoot::link(const char* path) const {
  std::array<char, 4097> target;  // d_path() gives at most a page
  ssize_t length = readlinkat(fd_.get(), path, target.data(), target.size());
  if (length < 0) return fail_errno(directory_ + "/" + path, errno);
  return std::string(target.data(), static_cast<size_t>(length));
}

Result<void> ProcRoot::each(const std::string& path, const std::function<bool(std::string_view)>& visit) const {
  const char* relative = path.empty() ? "." : path.c_str();
  UniqueFd fd(openat(fd_.get(), relative, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int problem = fd ? each_directory_entry(fd.get(), visit) : errno;
  if (problem != 0) return fail_errno(directory_ + "/" + path, problem);
  return {};
}

Result<void> ProcRoot::each_number(const std::string& path, const std::function<bool(int)>& visit) const {
  return each(path, [&](std::string_view name) {
    auto number = parse_number<int>(name);
    return number && *number >= 0 ? visit(*number) : true;
  });
}

}  // namespace ec
