// Where the bytes of a file come from: pread(2) on a descriptor, or memory. Never mmap: the file is the target's and
// may shrink under us, which would be SIGBUS.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "collector/base/error.h"
#include "collector/base/unique_fd.h"

namespace ec {

class ByteSource {
 public:
  ByteSource() = default;
  // Takes over the descriptor. Size is that of fstat(2); 0 for what is not a regular file. `name` is for errors.
  ByteSource(std::string name, UniqueFd fd);
  ByteSource(std::string name, std::string bytes);

  const std::string& name() const { return name_; }
  uint64_t size() const { return size_; }
  int fd() const { return fd_.get(); }  // -1: in memory

  // Exactly `length` bytes. Errors: truncated when they are not all there, sys_error of pread(2).
  Result<std::string> read(uint64_t offset, uint64_t length) const;
  // At most `length` bytes, fewer at the end; into `buffer`, which is reused. False on an error.
  bool read_some(uint64_t offset, uint64_t length, std::string& buffer) const;
  // The NUL-terminated string at `offset`, cut at `limit` bytes; "" when there is none.
  std::string text_at(uint64_t offset, size_t limit) const;

 private:
  std::string name_;
  UniqueFd fd_;
  std::string bytes_;
  uint64_t size_ = 0;
};

// open(2) with `flags` inside the directory `root_fd` as if it were "/": symbolic links stay inside (openat2(2),
// RESOLVE_IN_ROOT; a kernel before 5.6 follows absolute links to the outside). -1 = the host's root. O_CLOEXEC,
// O_NOCTTY and O_NONBLOCK are added: it never waits for a FIFO or a device. Errors: sys_error.
Result<UniqueFd> open_inside(int root_fd, std::string_view path, int flags);
// A regular file for reading. Errors: sys_error, unsupported for what is not a regular file.
Result<UniqueFd> open_regular(int root_fd, std::string_view path);

}  // namespace ec
