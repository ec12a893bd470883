// Memory of a live process: read without stopping it and without a ptrace attachment; PTRACE_MODE_ATTACH is enough.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "collector/base/error.h"
#include "collector/base/unique_fd.h"

namespace ec {

class TargetMemory {
 public:
  // `live_tid`: a thread that is not a zombie (TargetIdentity::live_tid); the memory belongs to the whole process.
  explicit TargetMemory(pid_t live_tid) : tid_(live_tid) {}

  // Copies up to `size` bytes from `address` and returns how many: fewer when the mapping ends or a page is unreadable.
  // process_vm_readv(2), and pread of /proc/TID/mem where a seccomp filter refuses that.
  size_t read(uint64_t address, void* destination, size_t size);

  struct Span {
    uint64_t address = 0;
    char* destination = nullptr;
    size_t size = 0;
    size_t copied = 0;  // out
  };
  // All spans in as few system calls as possible; one unreadable span does not end the others.
  void read_all(std::vector<Span>& spans);

  // The error of the last read that copied nothing, 0 = none.
  int last_errno() const { return last_errno_; }

 private:
  size_t read_mem_file(uint64_t address, void* destination, size_t size);

  pid_t tid_;
  UniqueFd mem_;
  bool vm_readv_refused_ = false;
  int last_errno_ = 0;
};

}  // namespace ec
