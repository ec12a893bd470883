// Collector "cpu_profile": where the CPU time of the process goes, sampled by the kernel (perf_event_open(2)), and what
// its threads wait in meanwhile; for targets that give no CPU profile themselves. Raw form:
//   raw/cpu_profile.bundle  "plan", then one section a second: program counters, counted; "kernel": names of the
//   kernel's raw/cpu_profile.json    the names of the program counters, in the form of raw/stacks.json
#pragma once

#include <string>
#include <string_view>

#include "collector/collectors/collector.h"
#include "collector/snapshot/cpu_profile.h"

namespace ec {

void gather_cpu_profile(GatherContext& context);
void parse_cpu_profile(const RawStore& store, Snapshot& snapshot);

// Whether the kernel would sample this process, found out by opening the events and closing them again.
struct CpuProfileOutlook {
  std::string problem, fix;             // "" = it would
  bool cycles = false, kernel = false;  // counted by the hardware; time in the kernel, too
};
CpuProfileOutlook cpu_profile_outlook(const TargetIdentity& target);

// The sections of the bundle one after the other, pure.
class CpuProfileText {
 public:
  // One section. Hostile: numbers out of range are passed over. Errors: malformed.
  Result<void> take(std::string_view name, std::string_view text);

  CpuProfile profile;  // stacks and frames as plain addresses, one frame for each
 private:
  struct Reading {
    uint64_t at_ns = 0, run_ns = 0, delay_ns = 0;
  };
  Result<void> take_plan(std::string_view text);
  Result<void> take_kernel(std::string_view text);
  Result<void> take_second(std::string_view name, std::string_view text);
  bool take_line(std::string_view line, uint64_t at_ns);
  std::map<int, Reading> readings_;
};

}  // namespace ec
