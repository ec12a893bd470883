// Collector "core": what a core file (--core) tells beside its stacks: the signal, the registers of the thread that got
// it, every thread with the call it waited in, the process, and which of its programs on disk are still those that
// ran. Raw form: raw/core.json, and raw/core/cmdline as /proc/PID/cmdline would have it, as far as the core keeps it.
#pragma once

#include <string_view>

#include "collector/collectors/collector.h"

namespace ec {

// As identify() gives it of a live process; nothing of it leads to one.
TargetIdentity identity_of(const CoreFile& core);

void gather_core(GatherContext& context);
// Runs behind parse_threads and before what belongs to threads.
void parse_core(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
