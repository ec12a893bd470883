// The wait graph as a picture: a self-contained SVG without scripts, fonts or links.
#pragma once

#include <string>

#include "collector/analysis/wait_graph.h"

namespace ec {

// Threads that others wait for are boxes of their own, the waiters of one object one box with their number; an arrow
// goes from who waits to what is waited for, and from there to who has it. Circles are red. Readable from 2 to 10,000
// waiters: what does not fit is counted in a line at the end. "" when nobody waits for a lock or a thread.
std::string waits_svg(const Snapshot& snapshot, const ThreadIndex& index, const WaitGraph& graph);

}  // namespace ec
