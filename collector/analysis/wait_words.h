// The wait graph in sentences.
#pragma once

#include <string>

#include "collector/analysis/finding.h"
#include "collector/analysis/wait_graph.h"

namespace ec {

// "mutex", "read-write lock": of the object, whoever wants what of it.
std::string_view object_kind(const WaitObject& object);
// "mutex g_lock at 0x7f…", "mutex at 0x7f…".
std::string object_words(const WaitObject& object);
// "worker-1 (tid 43)", "tid 43" when nothing else is known of it.
std::string spoken_thread(const ThreadIndex& index, int tid);
// "worker-1 (tid 43), in apply_update(), waits for the mutex at 0x7f… that worker-2 (tid 44) holds".
std::string wait_words(const ThreadIndex& index, const WaitGraph& graph, const Wait& wait);
// Who has the object and what that thread does: "flusher (tid 42) holds it and waits in fsync(…)", or why nobody is
// named. Where the holder waits itself: for whom, and what the one at the end of the chain does.
std::string holder_words(const ThreadIndex& index, const WaitGraph& graph, const WaitObject& object);
// Why no owner is known; "" when one is.
std::string why_no_owner(const WaitObject& object);

// Where it is written that the thread waits, alone or as the first of `waiters` of the same object.
Evidence wait_evidence(const ThreadIndex& index, const Wait& wait, size_t waiters = 1);
// Where its stack is; the function of the program as excerpt.
Evidence stack_evidence(const ThreadIndex& index, int tid);

// How sure a circle is: nobody in it ran between the readings, and nobody can go on by itself.
enum class CycleVerdict { kDeadlock, kSuspect, kContended };
CycleVerdict judge(const ThreadIndex& index, const WaitGraph& graph, const std::vector<int>& cycle);

}  // namespace ec
