#include "collector/target/target_memory.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace ec {

namespace {

constexpr size_t kMostSpansPerCall = 512;  // IOV_MAX is 1024
// A kernel that does not preempt lets no thread of the target have this CPU during a copy: keep them short.
constexpr size_t kEnoughPerCall = 256u << 10;
constexpr uint64_t kPage = 4096;

// Addresses of user space only: /proc/TID/mem would take them as negative offsets.
bool user_address(uint64_t address) { return address < (uint64_t{1} << 63); }

}  // namespace

size_t TargetMemory::read(uint64_t address, void* destination, size_t size) {
  if (size == 0 || !user_address(address)) return 0;
  if (vm_readv_refused_) return read_mem_file(address, destination, size);
  iovec local{destination, size};
  iovec remote{reinterpret_cast<void*>(address), size};
  ssize_t got = process_vm_readv(tid_, &local, 1, &remote, 1, 0);
  if (got > 0) return static_cast<size_t>(got);
  last_errno_ = got < 0 ? errno : 0;
  if (got < 0 && (errno == ENOSYS || errno == EPERM)) {
    vm_readv_refused_ = true;
    return read_mem_file(address, destination, size);
  }
  // A transfer that crosses into an unreadable page may copy nothing at all: up to the end of the first page then.
  size_t first = kPage - address % kPage;
  if (got < 0 && errno == EFAULT && first < size) return read(address, destination, first);
  return 0;
}

size_t TargetMemory::read_mem_file(uint64_t address, void* destination, size_t size) {
  if (!mem_) {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%d/mem", tid_);
    mem_.reset(open(path, O_RDONLY | O_CLOEXEC));
    if (!mem_) {
      last_errno_ = errno;
      return 0;
    }
  }
  ssize_t got = pread(mem_.get(), destination, size, static_cast<off_t>(address));
  if (got < 0) last_errno_ = errno;
  return got > 0 ? static_cast<size_t>(got) : 0;
}

void TargetMemory::read_all(std::vector<Span>& spans) {
  std::array<iovec, kMostSpansPerCall> local, remote;
  size_t at = 0;
  while (at < spans.size()) {
    if (vm_readv_refused_) {
      for (; at < spans.size(); ++at) spans[at].copied = read(spans[at].address, spans[at].destination, spans[at].size);
      return;
    }
    size_t count = 0;
    for (size_t bytes = 0; count < kMostSpansPerCall && at + count < spans.size() && bytes < kEnoughPerCall; ++count) {
      const Span& span = spans[at + count];
      bytes += span.size;
      local[count] = {span.destination, span.size};
      remote[count] = {reinterpret_cast<void*>(span.address), span.size};
    }
    ssize_t got = process_vm_readv(tid_, local.data(), count, remote.data(), count, 0);
    size_t rest = got > 0 ? static_cast<size_t>(got) : 0;
    size_t whole = 0;
    while (whole < count && rest >= spans[at + whole].size) {
      spans[at + whole].copied = spans[at + whole].size;
      rest -= spans[at + whole].size;
      ++whole;
    }
    at += whole;
    // The transfer stopped within this span: take what there is of it, and go on with the next.
    if (whole < count) {
      spans[at].copied = read(spans[at].address, spans[at].destination, spans[at].size);
      ++at;
    }
  }
}

}  // namespace ec
