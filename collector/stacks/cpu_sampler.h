// Where a process spends its CPU time, or touches memory for the first time, from outside: the kernel samples it
// (perf_events.h), and what it copied is unwound here at once, by the same engine as all stacks, in a process of low
// priority. Only program counters are kept.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "collector/stacks/modules.h"
#include "collector/stacks/stack_dump.h"
#include "collector/stacks/stack_pool.h"
#include "collector/target/perf_events.h"

namespace ec {

// Equal samples of one thread, counted.
struct CpuSamples {
  pid_t tid = 0;
  int64_t stack = -1;  // index into dump().stacks; -1: it has no user stack, or there was no room for another one
  int64_t chain = -1;  // of kernel frames, index into chains(); -1: it ran in user space
  uint64_t count = 0;
  uint64_t weight = 0;  // nanoseconds, cycles or page faults
};

class CpuSampler {
 public:
  // Errors: that of reading the address space.
  static Result<std::unique_ptr<CpuSampler>> open(const DumpRequest& request);
  // From here on the kernel samples these threads and those that they start. Errors: as PerfEvents::open.
  // Of page faults those count that made anonymous memory, or the target's own copy of a page of a file.
  Result<void> start(const std::vector<pid_t>& tids, SampledEvent event = SampledEvent::kCpuTime);

  // Takes what the kernel has sampled until now. To be called often enough for its buffers: every 50 ms.
  void take();
  // What was taken since the last call.
  struct Harvest {
    std::vector<CpuSamples> samples;
    uint64_t lost = 0;       // records for which the kernel had no room
    uint64_t cut = 0;        // samples whose stack goes on beyond what was copied of it
    uint64_t unkept = 0;     // samples whose stack there was no room for
    uint64_t elsewhere = 0;  // samples of processes that the target started
  };
  Harvest harvest();

  PerfEvents* events() { return events_ ? &*events_ : nullptr; }  // null before start()
  // Its number, also for stacks that come from elsewhere.
  int64_t keep(PcStack stack);
  // Stacks and modules, for names; its threads are empty.
  StackDump& dump() { return dump_; }
  const std::vector<std::vector<uint64_t>>& chains() const { return chains_; }

 private:
  explicit CpuSampler(const DumpRequest& request) : pid_(request.pid), live_tid_(request.live_tid) {}
  void take(const PerfSample& sample);
  int64_t stack_of(const PerfSample& sample);
  int64_t chain_of(const std::vector<uint64_t>& frames);
  bool makes_memory(uint64_t address);
  void look_again();

  pid_t pid_, live_tid_;
  SampledEvent event_ = SampledEvent::kCpuTime;
  std::optional<PerfEvents> events_;
  StackDump dump_;
  std::unique_ptr<Unwinder> unwinder_;
  StackPool pool_{dump_.stacks};
  std::vector<std::vector<uint64_t>> chains_;
  std::map<std::vector<uint64_t>, int64_t> chain_numbers_;
  std::map<std::tuple<pid_t, int64_t, int64_t>, CpuSamples> counts_;
  Harvest harvest_;
  bool mapped_anew_ = false;
  Clock::time_point looked_{};
  size_t frames_kept_ = 0;
};

}  // namespace ec
