// Tails of the logs that the target holds open for writing, deleted ones too: logs/FD-NAME.log, with raw/logs.bundle
// saying what each is.
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

void gather_logs(GatherContext& context);
// Fills snapshot.logs, from the tails, the journal and the kernel log, whichever are there.
void parse_logs(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
