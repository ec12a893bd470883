// Goroutines from outside: from the memory of a Go program, without its help and without a stop. A goroutine that is
// parked does not move: what it saved when it was parked (runtime.g.sched) is where its stack begins, and reading it
// again shows whether it ran meanwhile.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "collector/base/clock.h"
#include "collector/runtimes/go_program.h"

namespace ec {

struct GoSlice {
  uint64_t data = 0, length = 0, capacity = 0;
  bool plausible() const {
    return data != 0 && data % 8 == 0 && length > 0 && length <= capacity && capacity < (uint64_t{1} << 32);
  }
};

// runtime.g as read.
struct GoroutineRecord {
  uint64_t address = 0, stack_begin = 0, stack_end = 0, machine = 0, sp = 0, pc = 0, syscall_sp = 0, syscall_pc = 0,
           id = 0, creator_pc = 0, start_pc = 0,
           waiting = 0;       // runtime.sudog of what it waits for, the first one
  int64_t wait_since_ns = 0;  // CLOCK_MONOTONIC of the first garbage collection that saw it wait; 0 = none did
  uint32_t status = 0;        // runtime2.go, without the bit for a scan
  uint8_t wait_reason = 0;
  bool operator==(const GoroutineRecord&) const = default;
};

// The states of runtime2.go.
enum GoStatus : uint32_t {
  kGoIdle = 0,
  kGoRunnable = 1,
  kGoRunning = 2,
  kGoSyscall = 3,
  kGoWaiting = 4,
  kGoDead = 6,
  kGoCopyingStack = 8,
  kGoPreempted = 9,
};
std::string_view go_status_word(uint32_t status);  // "runnable", "running", "syscall" …, "" for one that is not known

// `bytes`: layout.size() of them from `address`. Nothing when they cannot be a goroutine.
std::optional<GoroutineRecord> read_goroutine(uint64_t address, std::string_view bytes, const GoLayout& layout);

struct ReadGoroutine {
  enum class Stack : uint8_t {
    kRead,
    kRunning,  // its thread has it
    kChanged,  // it ran each time it was read
    kNone,     // its memory could not be read
  };
  GoroutineRecord record;
  Stack outcome = Stack::kNone;
  uint32_t stack = 0;      // with kRead: index into ReadGoroutines::stacks
  uint64_t thread_id = 0;  // of the thread that has it, in the target's PID namespace; 0 = none
};

struct GoPcStack {
  std::vector<uint64_t> pcs;  // in memory, innermost first
  bool whole = false;         // it reaches the function that the goroutine began with
};

struct ReadGoroutines {
  uint64_t total = 0;     // in the runtime's list, with those that ended and wait to be used again
  uint64_t ended = 0;     // those, of the ones that were read
  uint64_t left_out = 0;  // not read
  std::string why_left_out;
  std::vector<ReadGoroutine> goroutines;  // without those that ended
  std::vector<GoPcStack> stacks;          // different ones only
};

struct GoroutineLimits {
  size_t goroutines = 250'000;  // beyond it, evenly spread ones are read
  size_t frames_of_stacks = 4'000'000;
  Deadline deadline = Deadline::never();
};

// Errors: gone or denied when the list cannot be read.
Result<ReadGoroutines> read_goroutines(const GoProgram& program, RuntimeMemory& memory, const GoroutineLimits& limits);

// How many there are, those of the runtime among them, without their stacks: 4 bytes of each are read. Errors: as
// above.
Result<uint64_t> count_goroutines(const GoProgram& program, RuntimeMemory& memory);

}  // namespace ec
