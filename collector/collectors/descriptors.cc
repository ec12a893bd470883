#include "collector/collectors/descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kInfoBytes = 256 * 1024;  // of one fdinfo: an epoll of 5,000 descriptors, 2,500 inotify watches
constexpr size_t kMountinfoBytes = 8u << 20;
// Longer than reading 10,000 descriptors takes, and short enough to read them after all.
constexpr milliseconds kWaitForLinks{250};

std::string task_folder(const TargetIdentity& target) {
  if (target.live_tid > 0 && target.live_tid != target.pid)
    return fmt::format("/proc/{}/task/{}", target.pid, target.live_tid);
  return fmt::format("/proc/{}", target.pid);
}

// The decimal name of a descriptor, NUL-terminated, without an allocation.
struct Name {
  explicit Name(int fd) { *fmt::format_to(text, "{}", fd) = '\0'; }
  char text[12];
};

}  // namespace

Result<Descriptors> Descriptors::open(const TargetIdentity& target) {
  std::string folder = task_folder(target);
  auto fd = ProcRoot::open(folder + "/fd");
  if (!fd) return tl::unexpected(fd.error());
  auto info = ProcRoot::open(folder + "/fdinfo");
  if (!info) return tl::unexpected(info.error());
  return Descriptors(std::move(*fd), std::move(*info));
}

std::optional<uint64_t> Descriptors::count() const {
  struct stat folder {};
  if (fstat(fd_.fd(), &folder) != 0 || folder.st_size <= 0) return std::nullopt;
  return static_cast<uint64_t>(folder.st_size);
}

Result<void> Descriptors::each_link(FdLinks* shared, const std::function<bool(int fd, std::string_view link)>& visit) {
  bool ours = shared && shared->claim();
  if (shared && !ours && shared->wait(kWaitForLinks)) {
    shared->each(visit);
    return {};
  }
  bool stopped = false;
  auto listed = each([&](int fd) {
    auto text = link(fd);
    if (!text) return true;
    if (ours) shared->add(fd, *text);
    stopped = !visit(fd, *text);
    return !stopped;
  });
  if (ours && listed && !stopped)
    shared->publish();
  else if (ours)
    shared->give_up();
  return listed;
}

Result<std::string_view> Descriptors::link(int fd) {
  ssize_t length = readlinkat(fd_.fd(), Name(fd).text, link_.data(), link_.size());
  if (length < 0) return fail_errno(fmt::format("{}/{}", fd_.directory(), fd), errno);
  return std::string_view(link_.data(), static_cast<size_t>(length));
}

bool Descriptors::writable(int fd) const {
  struct stat link {};
  return fstatat(fd_.fd(), Name(fd).text, &link, AT_SYMLINK_NOFOLLOW) == 0 && (link.st_mode & S_IWUSR) != 0;
}

Result<std::string_view> Descriptors::info(int fd) {
  UniqueFd file(openat(info_.fd(), Name(fd).text, O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno(fmt::format("{}/{}", info_.directory(), fd), errno);
  if (info_buffer_.empty()) info_buffer_.resize(4096);
  size_t filled = 0;
  while (true) {
    ssize_t got = ::read(file.get(), info_buffer_.data() + filled, info_buffer_.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(fmt::format("{}/{}", info_.directory(), fd), errno);
    filled += static_cast<size_t>(got);
    // The kernel writes the whole text at once (seq_file, one record): a read that leaves room was the last.
    if (filled < info_buffer_.size() || filled >= kInfoBytes) return std::string_view(info_buffer_.data(), filled);
    info_buffer_.resize(std::min(info_buffer_.size() * 4, kInfoBytes));
  }
}

Result<struct stat> Descriptors::stat(int fd) const {
  struct stat found {};
  if (fstatat(fd_.fd(), Name(fd).text, &found, 0) != 0)
    return fail_errno(fmt::format("{}/{}", fd_.directory(), fd), errno);
  return found;
}

bool is_local_filesystem(std::string_view type) {
  // A list of what is known to be local: anything new or unknown may be a network.
  constexpr std::array<std::string_view, 44> kLocal{
      "bcachefs", "bpf",      "btrfs",  "cgroup",  "cgroup2",  "configfs", "cramfs",     "debugfs",   "devpts",
      "devtmpfs", "efivarfs", "erofs",  "exfat",   "ext2",     "ext3",     "ext4",       "f2fs",      "hugetlbfs",
      "iso9660",  "jfs",      "minix",  "mqueue",  "msdos",    "nilfs2",   "nsfs",       "ntfs3",     "overlay",
      "pipefs",   "proc",     "pstore", "ramfs",   "reiserfs", "rootfs",   "securityfs", "selinuxfs", "sockfs",
      "squashfs", "sysfs",    "tmpfs",  "tracefs", "udf",      "vfat",     "xfs",        "zfs"};
  return std::find(kLocal.begin(), kLocal.end(), type) != kLocal.end();
}

void LocalMounts::add(std::string_view mountinfo) {
  LineCursor lines("mountinfo", mountinfo);
  while (auto line = lines.next()) {
    auto id = FieldCursor(*line).number<int>();
    size_t dash = line->find(" - ");
    if (!id || dash == std::string_view::npos) continue;
    auto type = FieldCursor(line->substr(dash + 3)).word();
    if (type && is_local_filesystem(*type)) ids_.insert(*id);
  }
}

LocalMounts LocalMounts::of(const TargetIdentity& target) {
  LocalMounts mounts;
  auto proc = ProcRoot::open("/proc");
  if (!proc) return mounts;
  for (const std::string& path : {task_folder(target).substr(6) + "/mountinfo", std::string("self/mountinfo")})
    if (auto text = proc->read(path, kMountinfoBytes)) mounts.add(*text);
  return mounts;
}

}  // namespace ec
