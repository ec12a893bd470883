// The open descriptors of a live process, one after another: 100,000 of them cost one directory stream and one
// readlinkat each, with reused buffers.
#pragma once

#include <sys/stat.h>

#include <array>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "collector/base/error.h"
#include "collector/collectors/collector.h"
#include "collector/proc/proc_root.h"
#include "collector/target/identity.h"

namespace ec {

class Descriptors {
 public:
  // Through a live thread when the leader has ended. Errors: gone, denied.
  static Result<Descriptors> open(const TargetIdentity& target);

  // Ascending. Stops when `visit` gives false. Errors: gone, when the process ends meanwhile.
  Result<void> each(const std::function<bool(int fd)>& visit) const { return fd_.each_number("", visit); }

  // How many are open, without listing them; nothing before Linux 6.2 (st_size of /proc/PID/fd, proc(5)).
  std::optional<uint64_t> count() const;

  // The same with the link texts: from `shared` when another collector reads them, for which it waits a moment; else
  // they are read, and shared. Descriptors that were closed meanwhile or that may not be read are passed over.
  Result<void> each_link(FdLinks* shared, const std::function<bool(int fd, std::string_view link)>& visit);

  // Whether it is open for writing, by the permissions of its link: a third of the cost of info().
  bool writable(int fd) const;
  // The views live until the next call of the same function. Errors: gone when it was closed meanwhile, denied.
  Result<std::string_view> link(int fd);
  Result<std::string_view> info(int fd);
  // stat(2) of the file itself. Condition: it is on a local filesystem, or this may never return.
  Result<struct stat> stat(int fd) const;

  const std::string& folder() const { return fd_.directory(); }  // "/proc/42/fd"

 private:
  Descriptors(ProcRoot fd, ProcRoot info) : fd_(std::move(fd)), info_(std::move(info)) {}
  ProcRoot fd_, info_;
  std::array<char, 4097> link_;
  std::string info_buffer_;
};

// Whether a filesystem of this type (mountinfo, field after " - ") answers without a server that may hang.
bool is_local_filesystem(std::string_view type);

// Mounts, by their id, whose files may be looked at. A mount that is not listed (in another namespace, detached) is not
// local.
class LocalMounts {
 public:
  // Of the target and of ourselves: the target's list lacks what is outside its root directory.
  static LocalMounts of(const TargetIdentity& target);
  // Adds the mounts of one mountinfo text (proc(5)); lines that are none are passed over.
  void add(std::string_view mountinfo);
  bool local(int mount_id) const { return ids_.contains(mount_id); }

 private:
  std::set<int> ids_;
};

}  // namespace ec
