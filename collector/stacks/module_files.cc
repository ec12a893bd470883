#include "collector/stacks/module_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace ec {

namespace {

constexpr uint64_t kLargestVdso = 1 << 20;
constexpr std::string_view kDeletedMark = " (deleted)";

}  // namespace

std::string without_deleted(const std::string& name) {
  return name.ends_with(kDeletedMark) ? name.substr(0, name.size() - kDeletedMark.size()) : name;
}

// Opening is a risk: a device may act, a FIFO or a dead network mount may block. So only regular files, never below
// /dev.
Result<UniqueFd> open_regular_file(const std::string& path, std::optional<uint64_t> inode) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return fail_errno(path, errno);
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::kUnsupported, path, "not a regular file");
  // The device that maps shows differs from that of stat(2) on overlayfs and btrfs: the inode decides.
  if (inode && info.st_ino != *inode) return fail(ErrorCode::kGone, path, "another file stands at this path now");
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail_errno(path, errno);
  struct stat opened;
  if (fstat(fd.get(), &opened) != 0) return fail_errno(path, errno);
  if (!S_ISREG(opened.st_mode) || opened.st_ino != info.st_ino)
    return fail(ErrorCode::kGone, path, "the file was replaced while it was opened");
  return fd;
}

bool is_no_program(std::string_view name) {
  return name.starts_with("/dev/") || name.starts_with("/SYSV") || name.starts_with("anon_inode:");
}

Result<std::unique_ptr<ElfImage>> LiveModuleFiles::open(const AddressSpace& space, const Region& region,
                                                        std::string& vdso_bytes) {
  const std::string& name = space.name(region);
  if (name == "[vdso]") {
    vdso_bytes.resize(std::min(region.end - region.begin, kLargestVdso));
    if (memory_.read(region.begin, vdso_bytes.data(), vdso_bytes.size()) != vdso_bytes.size())
      return fail_errno(name, memory_.last_errno(), "could not be read");
    return ElfImage::from_bytes(vdso_bytes, name);
  }
  if (region.inode == 0) return fail(ErrorCode::kNotFound, name, "no file behind this mapping");
  if (is_no_program(name)) return fail(ErrorCode::kSkipped, name, "devices are not opened");
  if (!may_open(name)) return fail(ErrorCode::kTimeout, name, "opening this file hung before");

  // map_files leads to the file itself, whatever stands at its path now, in any mount namespace; it needs a capability.
  Result<UniqueFd> fd =
      open_regular_file(fmt::format("/proc/{}/map_files/{:x}-{:x}", live_tid_, region.begin, region.end), region.inode);
  if (!fd) {
    Error first = fd.error();
    fd = open_regular_file(fmt::format("/proc/{}/exe", live_tid_), region.inode);
    if (!fd && !name.ends_with(kDeletedMark) && name.starts_with('/'))
      fd = open_regular_file(fmt::format("/proc/{}/root{}", live_tid_, name), region.inode);
    if (!fd) return tl::unexpected(first);
  }
  struct stat info;
  if (fstat(fd->get(), &info) != 0) return fail_errno(name, errno);
  return ElfImage::open(std::move(*fd), static_cast<uint64_t>(info.st_size), name);
}

UniqueFd LiveModuleFiles::target_root() const {
  return UniqueFd(::open(fmt::format("/proc/{}/root", live_tid_).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace ec
