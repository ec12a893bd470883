// What runtimes say about waits that futex(2) shows as something else: a Java monitor, a lock of Python.
#pragma once

#include "collector/analysis/wait_graph.h"

namespace ec {

// Replaces and adds members of graph.waits, which need not be in order.
void refine_waits(const Snapshot& snapshot, const ThreadIndex& index, WaitGraph& graph);

}  // namespace ec
