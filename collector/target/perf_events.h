// The CPU time of one process, or its page faults, sampled by the kernel: perf_event_open(2). The target is neither
// stopped nor signalled; the kernel copies registers, the upper end of the stack and its own call chain at the moment
// of the sample.
//
// A thread that the kernel shall count for must be named; what it starts afterwards is counted with it (inherit). With
// inheritance the kernel gives no buffer for an event of all CPUs, so there is one event for each thread on each CPU,
// and one buffer for each CPU.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "collector/base/clock.h"
#include "collector/base/error.h"
#include "collector/base/unique_fd.h"
#include "collector/target/perf_record.h"

namespace ec {

constexpr unsigned kSamplesPerSecond = 99;  // of each CPU; not 100, which timers of programs run in step with

// Page faults: where memory is touched for the first time, which is how a process grows.
enum class SampledEvent : uint8_t { kCpuTime, kPageFaults };

class PerfEvents {
 public:
  // Buffers, and whether the kernel counts cycles or time, in kernel code as well or not, by trying: best first.
  // Errors: denied (perf_event_paranoid(5), seccomp, another user's process), unsupported (a kernel without it), gone.
  // Of page faults no kernel frames are taken.
  static Result<PerfEvents> open(pid_t pid, std::vector<pid_t> tids, SampledEvent event = SampledEvent::kCpuTime);
  PerfEvents(PerfEvents&&) noexcept = default;
  PerfEvents& operator=(PerfEvents&&) noexcept = default;
  ~PerfEvents() = default;

  // Counts for these as well unless it does already. Threads that are gone, and those for which there is no descriptor
  // left, are passed over.
  void add(const std::vector<pid_t>& tids);
  // Every record since the last time, CPU after CPU. What it refers to lives until `each` returns. A sample of a page
  // fault has as its period how many faults it stands for: more when there are many, so that nobody pays for them.
  void drain(const std::function<void(const PerfRecord&)>& each);

  bool counts(pid_t tid) const { return counted_.contains(tid); }
  size_t threads() const { return named_; }  // that were named, those that they started not included
  bool out_of_descriptors() const { return full_; }
  bool cycles() const { return cycles_; }  // else nanoseconds of CPU time, or page faults
  bool kernel() const { return kernel_; }
  uint32_t stack_bytes() const { return stack_bytes_; }
  size_t cpus() const { return rings_.size(); }

 private:
  struct Ring {
    int cpu = 0;
    UniqueFd event;  // the one that it belongs to
    struct Mapping {
      void* memory = nullptr;
      size_t size = 0;
      Mapping() = default;
      Mapping(Mapping&& other) noexcept;
      Mapping& operator=(Mapping&&) = delete;
      ~Mapping();
    } mapping;
    size_t data_bytes = 0;
  };
  PerfEvents(pid_t pid, SampledEvent event) : pid_(pid), event_(event), cycles_(event == SampledEvent::kCpuTime) {}
  PerfSampleForm form() const {
    bool faults = event_ == SampledEvent::kPageFaults;
    return {faults, kernel_ && !faults};
  }
  Result<UniqueFd> open_event(pid_t tid, int cpu) const;
  Result<void> choose_event(pid_t tid, int cpu);
  Result<void> open_ring(pid_t tid, int cpu, size_t cpu_count);
  Result<void> add_thread(pid_t tid);
  void sample_rarer();
  void drain(Ring& ring, const std::function<void(const PerfRecord&)>& each);
  void take(uint32_t type, std::string_view body, const std::function<void(const PerfRecord&)>& each);

  pid_t pid_;
  SampledEvent event_;
  bool cycles_, kernel_ = true, threads_only_ = true, full_ = false;
  uint32_t stack_bytes_ = 32 * 1024;
  size_t named_ = 0;
  uint64_t faults_a_sample_ = 64, faults_taken_ = 0;
  std::vector<Ring> rings_;
  std::vector<UniqueFd> events_;
  std::unordered_set<pid_t> counted_;
  std::string wrapped_;  // a record that goes over the end of its ring
};

}  // namespace ec
