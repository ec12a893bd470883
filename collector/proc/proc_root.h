#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "collector/base/error.h"
#include "collector/base/unique_fd.h"

namespace ec {

// Opens files below one directory: /proc, /proc/42, /sys/fs/cgroup, or a folder of an archive. All paths given to its
// functions are relative to it. Parsers get text; this is what reads it.
class ProcRoot {
 public:
  // Errors: those of open(2).
  static Result<ProcRoot> open(const std::string& directory = "/proc");

  // The whole file, at most `limit` bytes, into `buffer`, whose memory is reused; the view lives until it changes.
  // Errors: those of open(2) and read(2); no error when `limit` cuts.
  Result<std::string_view> read(const char* path, std::string& buffer, size_t limit = 1u << 20) const;
  Result<std::string> read(const std::string& path, size_t limit = 1u << 20) const;
  // readlink(2).
  Result<std::string> link(const char* path) const;
  Result<std::string> link(const std::string& path) const { return link(path.c_str()); }
  // Names in a directory ("" = this one), without "." and "..", in the order of the kernel. Stops when `visit` gives
  // false.
  Result<void> each(const std::string& path, const std::function<bool(std::string_view name)>& visit) const;
  // The numeric names only: processes, threads, descriptors.
  Result<void> each_number(const std::string& path, const std::function<bool(int number)>& visit) const;

  int fd() const { return fd_.get(); }
  const std::string& directory() const { return directory_; }

 private:
  ProcRoot(UniqueFd fd, std::string directory) : fd_(std::move(fd)), directory_(std::move(directory)) {}
  UniqueFd fd_;
  std::string directory_;
};

}  // namespace ec
