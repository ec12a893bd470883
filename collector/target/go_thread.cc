#include "collector/target/go_thread.h"

#include <array>

namespace ec {

namespace {

// Indices of words. runtime.g begins with its stack; sched is a gobuf, which begins with sp, pc, g.
enum : size_t { kStackBegin = 0, kStackEnd = 1, kMachine = 6, kSchedSp = 7, kSchedPc = 8, kSchedGoroutine = 9 };
// runtime.m; gobuf.ret left before curg with Go 1.25.
enum : size_t { kScheduler = 0, kCurrent = 24, kCurrentSince125 = 23 };

using Goroutine = std::array<uint64_t, kGoroutineBytes / 8>;

}  // namespace

std::optional<GoThread> find_go_thread(uint64_t thread_pointer, const ReadExactly& read) {
  std::array<uint64_t, kGoStorageBytes / 8> storage;
  if (thread_pointer % 8 != 0 || thread_pointer < sizeof storage ||
      !read(thread_pointer - sizeof storage, storage.data(), sizeof storage))
    return std::nullopt;
  auto goroutine_at = [&](uint64_t address, Goroutine& found) {
    return address != 0 && address % 8 == 0 && read(address, found.data(), sizeof found);
  };
  // Without C libraries the goroutine is in the word before the thread pointer, else a little before.
  for (size_t i = storage.size(); i-- > 0;) {
    Goroutine now, scheduler, current;
    std::array<uint64_t, kGoMachineBytes / 8> machine;
    if (!goroutine_at(storage[i], now)) continue;
    GoThread thread;
    thread.in_thread_storage = storage[i];
    thread.machine = now[kMachine];
    if (thread.machine == 0 || thread.machine % 8 != 0 || !read(thread.machine, machine.data(), sizeof machine))
      continue;
    thread.scheduler = machine[kScheduler];
    if (!goroutine_at(thread.scheduler, scheduler) || scheduler[kMachine] != thread.machine) continue;
    for (size_t place : {kCurrent, kCurrentSince125}) {
      thread.goroutine = machine[place];
      if (!goroutine_at(thread.goroutine, current)) continue;
      if (current[kMachine] != thread.machine || current[kSchedGoroutine] != thread.goroutine) continue;
      thread.sp = current[kSchedSp];
      thread.pc = current[kSchedPc];
      thread.stack_begin = current[kStackBegin];
      thread.stack_end = current[kStackEnd];
      if (thread.sp % 8 == 0 && thread.stack_begin < thread.sp && thread.sp < thread.stack_end) return thread;
    }
  }
  return std::nullopt;
}

}  // namespace ec
