// Tasks in state D with their kernel stacks. raw/blocked.bundle: "PID/TID/stat", "PID/TID/wchan", "PID/TID/stack" and
// "scan/note" when not every thread could be looked at.
#pragma once

#include <vector>

#include "collector/collectors/collector.h"
#include "collector/proc/proc_root.h"

namespace ec {

struct SeenProcess {
  int pid = 0;
  char state = '?';
  uint64_t threads = 0;
  bool kernel_thread = false;
  bool never_ran = false;  // less than a tick of CPU time in its whole life
  bool young = false;      // started within the last half minute
};

// Part of the collector `processes`, whose look at every process tells where to look closer.
void gather_blocked_tasks(GatherContext& context, const ProcRoot& proc, const std::vector<SeenProcess>& processes);
void parse_blocked_tasks(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
