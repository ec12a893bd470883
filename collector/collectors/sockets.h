// Sockets of the network namespace of the target, through sock_diag, else the text of /proc/PID/net; and who holds the
// other ends.
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

void gather_sockets(GatherContext& context);
// Fills snapshot.sockets, and joins them with snapshot.files when those were collected.
void parse_sockets(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
