#include "collector/analysis/runtime_waits.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "collector/analysis/java_waits.h"

namespace ec {

namespace {

// What the JVM waits on in futex(2) stands for the Java object: its own word for that is the better one.
void add_java_waits(const JvmRuntime& jvm, const ThreadIndex& index, WaitGraph& graph) {
  std::unordered_map<int, size_t> by_waiter;
  for (size_t i = 0; i < graph.waits.size(); ++i) by_waiter.emplace(graph.waits[i].waiter, i);
  for (Wait& wait : java_waits(jvm)) {
    if (!index.thread(wait.waiter)) continue;
    if (auto known = by_waiter.find(wait.waiter); known != by_waiter.end())
      graph.waits[known->second] = std::move(wait);
    else
      graph.waits.push_back(std::move(wait));
  }
}

// The library waits for an event on a lock that nobody holds up: threading.Condition and with it Event, Queue and the
// pools, Thread.join, the workers of concurrent.futures.
bool waits_for_event(const Frame& frame) {
  std::string_view function = frame.symbol, file = frame.file;
  function.remove_prefix(function.rfind('.') + 1);  // npos + 1 == 0
  file.remove_prefix(file.rfind('/') + 1);
  return (file == "threading.py" && (function == "wait" || function == "_wait_for_tstate_lock")) ||
         (file == "thread.py" && function == "_worker");
}

// threading.Lock and RLock are semaphores for the C library. The frame outside of PyThread_acquire_lock_timed tells
// them from queue.SimpleQueue, which has such a lock to wait for items: it is in a module of its own, and where it is
// not, it has a name of its own, unless that was stripped.
bool is_python_lock(const ThreadIndex& index, int tid) {
  const Stack* stack = index.stack(tid);
  const Frame* python = python_frame(index, tid);
  if (!stack || !python || waits_for_event(*python)) return false;
  const Frame* acquire = nullptr;
  for (size_t i = 0; i < std::min(stack->frames.size(), kWitnessFrames + 2); ++i) {
    const Frame* frame = index.frame(stack->frames[i]);
    if (!frame) return false;
    if (frame->inlined) continue;
    if (acquire) return frame->module == acquire->module && frame->symbol.find("queue") == std::string::npos;
    if (frame->symbol.starts_with("PyThread_acquire_lock")) acquire = frame;
  }
  return false;
}

}  // namespace

void refine_waits(const Snapshot& snapshot, const ThreadIndex& index, WaitGraph& graph) {
  if (snapshot.jvm) add_java_waits(*snapshot.jvm, index, graph);
  if (!snapshot.python) return;
  for (Wait& wait : graph.waits) {
    if (wait.kind != WaitKind::kSemaphore || !is_python_lock(index, wait.waiter)) continue;
    wait.kind = WaitKind::kPythonLock;
    wait.confirmed = true;
  }
}

}  // namespace ec
