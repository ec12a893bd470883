// Stopping threads for as long as it takes to copy their registers and stacks, with ptrace(2).
//
// It happens in a process of its own that is forked for it and ends at once: whatever goes wrong, and whoever kills it
// or its parent, the kernel then lets every thread go, also one that never reached the stop and could not be detached
// from. PTRACE_SEIZE and PTRACE_INTERRUPT leave no signal behind. Threads in uninterruptible sleep are not asked to
// stop.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <memory>
#include <vector>

#include "collector/base/clock.h"
#include "collector/base/error.h"
#include "collector/target/address_space.h"
#include "collector/target/registers.h"

namespace ec {

// Which calls of stopped threads are made to start again instead of ending with EINTR; see stop_effect.h.
enum class RestartCalls : uint8_t { kNone, kEpoll, kAll };

struct FreezeRequest {
  pid_t pid = 0, live_tid = 0;
  std::vector<pid_t> tids;
  // All of them at one moment, together with those that are born meanwhile; else one after the other, each for
  // microseconds only.
  bool together = false;
  bool go = false;  // a Go program: of threads on another stack than their goroutine, the goroutine's is copied, too
  RestartCalls restart = RestartCalls::kNone;
  nanoseconds budget{0};                  // for the whole stop; threads beyond it are let go without a copy
  Deadline deadline = Deadline::never();  // of the forked process
};

enum class FreezeOutcome : uint8_t {
  kCopied,
  kNotStopped,   // it did not reach the stop in time
  kUnstoppable,  // uninterruptible sleep, or ending: it was not asked
  kGone,
  kRefused,     // ptrace said no; error is the errno
  kOverBudget,  // the pause budget was used up before its turn
};

// Plain bytes: it crosses a process boundary in shared memory.
struct FrozenThread {
  pid_t tid = 0;
  FreezeOutcome outcome = FreezeOutcome::kGone;
  int error = 0;
  Registers registers;
  long call = -1;                 // number of the system call it was in, -1 none
  bool interrupted_call = false;  // that call returns EINTR because of the stop
  bool restarted_call = false;    // it would have; it was made to start again instead
  bool born_late = false;         // it was not in the list
  int64_t pause_ns = 0;           // until the detach, an upper bound; 0 when it was not stopped
  uint64_t stack_address = 0;
  size_t stack_size = 0, stack_offset = 0;
  // What leads to the goroutine's stack, and that stack; see go_thread.h.
  struct Piece {
    uint64_t address = 0;
    size_t size = 0, offset = 0;
  };
  std::array<Piece, 6> pieces{};
  uint32_t piece_count = 0;
};

class FreezeResult {
 public:
  FreezeResult(void* memory, size_t size) : memory_(memory), size_(size) {}
  FreezeResult(FreezeResult&& other) noexcept;
  ~FreezeResult();
  FreezeResult& operator=(FreezeResult&&) = delete;

  std::vector<FrozenThread> threads;
  int64_t stop_ns = 0;  // together: first request to last detach; else the sum of all pauses
  int64_t worst_ns = 0;
  bool cut_short = false;  // the process had to be killed at its deadline
  // Valid as long as this object.
  StackBytes stack(const FrozenThread& thread) const;
  // The stack, and what was copied besides.
  std::vector<StackBytes> copies(const FrozenThread& thread) const;

 private:
  StackBytes bytes(uint64_t address, size_t offset, size_t size) const;

  void* memory_;
  size_t size_;
};

// Errors: that of fork(2) or mmap(2). Refusals of single threads are in their outcome.
Result<FreezeResult> freeze_and_copy(const FreezeRequest& request, const AddressSpace& space);

}  // namespace ec
