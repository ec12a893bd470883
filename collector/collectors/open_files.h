// Open files of the target: raw/proc/PID/fd.bundle with the sections FD/link, FD/info (fdinfo) and FD/stat.
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

void gather_open_files(GatherContext& context);
// Fills snapshot.files, and joins sockets and peers when those were collected too.
void parse_open_files(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
