// A consistent copy of the stack of a blocked thread without stopping it, in the manner of a seqlock: note how often
// the thread was put on a CPU, copy, and look again. The count comes from schedstat, or from the context switches in
// status where the kernel does not keep the former. A thread that did not run in between did not change its stack.
#pragma once

#include <string>

#include "collector/target/address_space.h"
#include "collector/target/registers.h"
#include "collector/target/target_memory.h"
#include "collector/target/task_dir.h"
#include "collector/target/task_syscall.h"

namespace ec {

// Where the live part of a stack begins and ends: from the red zone below `sp` (System V psABI for x86-64, 3.2.2) to
// the end of the mapping, at most `cap` bytes. A stack pointer in a guard page means the mapping above it.
struct StackRange {
  uint64_t address = 0;
  size_t size = 0;
};
StackRange stack_range(const AddressSpace& space, uint64_t sp, size_t cap);

class QuietCopier {
 public:
  // Both must outlive the copier.
  QuietCopier(TaskDir& tasks, TargetMemory& memory) : tasks_(tasks), memory_(memory) {}

  enum class Outcome {
    kCopied,
    kRunning,  // on a CPU, or waiting for one
    kChanged,  // it ran while it was copied, in every attempt
    kGone,
    kFailed,  // error() says why: /proc/TID/syscall needs a privilege or a kernel option, or the stack is unreadable
  };
  struct Copy {
    Outcome outcome = Outcome::kFailed;
    TaskSyscall call;
    uint64_t address = 0;  // of the first byte in the buffer
    size_t size = 0;
    std::string mark;  // of the moment, for copy_more()
    Error error;
  };
  Copy copy(pid_t tid, const AddressSpace& space, char* buffer, size_t capacity);

  // More memory of the same moment: copies, and says whether the thread still has not run since `mark`. 0 = it has, or
  // nothing is readable there.
  size_t copy_more(pid_t tid, const std::string& mark, uint64_t address, char* buffer, size_t size);

 private:
  struct OpenFile {
    pid_t tid = 0;
    std::string_view file;
    UniqueFd fd;
  };
  Result<std::string_view> read_again(pid_t tid, const char* file);
  Result<std::string> run_mark(pid_t tid);
  Copy attempt(pid_t tid, const AddressSpace& space, char* buffer, size_t capacity);

  TaskDir& tasks_;
  TargetMemory& memory_;
  OpenFile mark_;
  bool schedstat_counts_ = true;
};

}  // namespace ec
