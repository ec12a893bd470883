// Joins what separate collectors saw: descriptors, the sockets of the namespace, and the processes at other ends.
#pragma once

#include "collector/archive/raw_store.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

// Pure and repeatable: builds snapshot.sockets, and the sockets and peers of snapshot.files, anew from the raw bytes.
void join_sockets(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
