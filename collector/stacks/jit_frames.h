#pragma once

#include <sys/types.h>

#include <string>

#include "collector/base/clock.h"
#include "collector/stacks/stack_dump.h"
#include "symbolize/jit_names.h"

namespace ec {

struct JitFrames {
  JitNames names;
  std::string why_unknown;  // why files that the target writes gave nothing; "" = they were read, or were not needed
};

// Names of the frames in code that was made at run time: from the list that debuggers use; else from /tmp/perf-PID.map
// of the target's root; without that from jit-PID.dump, which the target has mapped. A file counts as far as it belongs
// to the user of the target or to root. Looked for only when there are such frames. `live_tid` as in DumpRequest; 0 =
// of a core, and files with its number may belong to another process now.
JitFrames name_jit_frames(const StackDump& dump, pid_t live_tid, int target_root_fd, Deadline deadline);

}  // namespace ec
