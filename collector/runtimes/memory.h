// Where the readers of language runtimes get the memory of the target from: the live process, or a test's picture of
// one. It changes while it is read and is hostile: a reader checks what it got, and bounds every walk.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

#include "collector/target/target_memory.h"

namespace ec {

class RuntimeMemory {
 public:
  using Span = TargetMemory::Span;

  virtual ~RuntimeMemory() = default;
  // Copies up to `size` bytes from `address` and returns how many: fewer where the memory ends or is unreadable.
  virtual size_t read(uint64_t address, void* destination, size_t size) = 0;
  // All spans, each with how much of it was copied; one unreadable span does not end the others.
  virtual void read_all(std::vector<Span>& spans) {
    for (Span& span : spans) span.copied = read(span.address, span.destination, span.size);
  }

  // All `size` bytes, or false.
  bool read_whole(uint64_t address, void* destination, size_t size) { return read(address, destination, size) == size; }

  template <class T>
  std::optional<T> at(uint64_t address) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    if (!read_whole(address, &value, sizeof value)) return std::nullopt;
    return value;
  }
};

class LiveRuntimeMemory : public RuntimeMemory {
 public:
  explicit LiveRuntimeMemory(pid_t live_tid) : memory_(live_tid) {}
  size_t read(uint64_t address, void* destination, size_t size) override {
    return memory_.read(address, destination, size);
  }
  void read_all(std::vector<Span>& spans) override { memory_.read_all(spans); }

 private:
  TargetMemory memory_;
};

}  // namespace ec
