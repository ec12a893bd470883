// What the samples of CPU time and the readings of the threads say: which functions the time goes to, who calls them,
// and where threads stand that do not run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/snapshot/snapshot.h"

namespace ec {

struct CpuFunction {
  std::string name;            // "handle()", "kernel: clear_page_erms", "libx.so+0x1234"
  double self = 0, total = 0;  // share of all samples: it ran itself; it or what it called ran
  std::string caller;          // that it is most often called by when it runs itself; "" = nothing
  double by_caller = 0;        // share of its own time
};

struct CpuThread {
  int tid = 0;
  double cores = 0, delay = 0, blocked = 0;  // of the time that it was seen
};

struct BlockedStack {
  uint32_t stack = 0;  // index into CpuProfile::stacks
  uint64_t threads = 0;
  double seconds = 0;  // of all of them together
  int example = 0;     // tid
};

struct CpuTime {
  double seconds = 0, cores = 0;       // how long, and the CPU time of the whole process by its clock
  double sampled = 0;                  // share of that time that the samples stand for; 0: cycles were sampled
  double in_kernel = 0, unknown = 0;   // shares of the samples; unknown: without a stack
  std::vector<CpuFunction> functions;  // by self, then by total
  std::vector<std::string> path;       // outermost first: who is on the stack at half of all samples or more
  std::vector<CpuThread> threads;      // by CPU time
  std::vector<BlockedStack> blocked;   // by time
};
// Condition: snapshot.cpu_profile.
CpuTime cpu_time_of(const Snapshot& snapshot);

// All frames of a sample, innermost first, the kernel's before those of user space: indices into CpuProfile::frames.
std::vector<uint32_t> frames_of(const CpuProfile& profile, const CpuSample& sample);
// "handle()": for lists and sentences.
std::string cpu_frame_name(const Frame& frame);

// The section of the page, one line each; nothing when no profile was asked for.
struct CpuWords {
  std::string heading;  // "1.98 cores over 5.0 s"
  std::vector<std::string> lines;
};
CpuWords cpu_words(const Snapshot& snapshot);

}  // namespace ec
