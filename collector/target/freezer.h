// The forked process of freeze.h: decides who is stopped when, and copies. Everything it makes is in memory that it
// shares with its parent, thread by thread, so that its sudden end loses only what was not finished.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "collector/target/freeze.h"
#include "collector/target/target_memory.h"
#include "collector/target/task_dir.h"
#include "collector/target/tracee.h"

namespace ec {

constexpr size_t kFrozenStackCap = 64 * 1024;
constexpr size_t kLateThreads = 256;  // room for threads that are born during the attach

struct FreezerHeader {
  std::atomic<uint32_t> count;  // entries that are complete
  std::atomic<bool> ended;
  int64_t stop_ns;
};

// The shared memory: one header, `room` entries, and an arena for the copies.
struct FreezerMemory {
  FreezerHeader& header;
  FrozenThread* entries;
  size_t room;
  char* arena;
  size_t arena_size;
};

class Freezer {
 public:
  // All references must outlive it.
  Freezer(const FreezeRequest& request, const AddressSpace& space, FreezerMemory shared)
      : request_(request), space_(space), memory_(request.live_tid), shared_(shared) {}

  void run();

 private:
  using Asked = std::unordered_map<pid_t, Tracee>;
  void run_rolling();
  void ask(pid_t tid, Asked& asked);
  bool serve_one(Asked& asked);
  void give_up_late(Asked& asked);

  struct Batch {
    std::vector<TargetMemory::Span> spans;
    std::vector<FrozenThread*> owners;
  };
  void run_together();
  bool none_is_missing(const std::vector<Tracee>& all);
  void copy_as_they_stop(std::span<Tracee> asked, int64_t began);
  void copy_stacks(Batch& batch, int64_t began);

  TargetMemory::Span reserve(FrozenThread& entry);
  void copy_goroutine(FrozenThread& entry);
  void publish(const FrozenThread& entry);

  const FreezeRequest& request_;
  const AddressSpace& space_;
  TargetMemory memory_;
  FreezerMemory shared_;
  size_t arena_used_ = 0;
  size_t cap_ = kFrozenStackCap;
  bool urgent_ = false;
  std::unique_ptr<TaskDir> tasks_;
};

}  // namespace ec
