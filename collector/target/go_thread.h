// Which goroutine a thread of a Go program runs: the runtime keeps it in thread-local storage, and from there the way
// leads through runtime.g and runtime.m. When the thread works on its own stack (g0) on behalf of the goroutine, this
// is where the goroutine's stack was left. src/runtime/runtime2.go of Go 1.16 to 1.25; every pointer is checked by one
// that leads back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

namespace ec {

struct GoThread {
  uint64_t in_thread_storage = 0;  // the runtime.g that the thread runs now: the goroutine, g0 or gsignal
  uint64_t machine = 0;            // runtime.m
  uint64_t scheduler = 0;          // its g0
  uint64_t goroutine = 0;          // its curg
  uint64_t sp = 0, pc = 0;         // saved in it: where its stack was left
  uint64_t stack_begin = 0, stack_end = 0;
};

// Bytes that are read of each: of the thread's storage below the thread pointer, of a runtime.g, of a runtime.m.
constexpr size_t kGoStorageBytes = 64, kGoroutineBytes = 80, kGoMachineBytes = 200;

// All of `size` bytes, or false.
using ReadExactly = std::function<bool(uint64_t address, void* destination, size_t size)>;
// `thread_pointer`: fs_base on x86-64. Nothing when the thread runs no goroutine, is no thread of Go, or the goroutine
// has not left its stack.
std::optional<GoThread> find_go_thread(uint64_t thread_pointer, const ReadExactly& read);

}  // namespace ec
