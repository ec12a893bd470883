#pragma once

#include <sys/types.h>

#include <string>

#include "collector/stacks/stack_dump.h"
#include "symbolize/jit_names.h"

namespace ec {

struct JitFrames {
  JitNames names;
  std::string no_perf_map;  // why /tmp/perf-PID.map gave nothing; "" = it was read, or was not needed
};

// Names of the frames in code that was made at run time, from the list that debuggers use and from /tmp/perf-PID.map of
// the target's root, as far as that belongs to the user of the target or to root. Looked for only when there are such
// frames. `live_tid` as in DumpRequest; 0 = of a core, and a file of that name now belongs to another process.
JitFrames name_jit_frames(const StackDump& dump, pid_t live_tid, int target_root_fd);

}  // namespace ec
