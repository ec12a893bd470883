// Java threads that stand at the same stack in the same state, as a reader counts them, and their words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/snapshot/jvm.h"

namespace ec {

struct JavaThreadsAtStack {
  std::string state;                             // "BLOCKED (on object monitor)"; of the VM's own threads what they do
  const std::vector<uint32_t>* stack = nullptr;  // null: no Java frames
  std::vector<size_t> members;                   // indices into JvmThreadDump::threads
};

// Largest first, of equal ones those that are blocked. `of_vm`: the threads of the JVM itself (collector, compiler …),
// else those that run Java code.
std::vector<JavaThreadsAtStack> group_java_threads(const JvmThreadDump& dump, bool of_vm = false);
// How many are in which state, "BLOCKED" first, then the most frequent.
std::vector<std::pair<std::string, uint64_t>> java_states(const JvmThreadDump& dump);
// It runs Java code; those of the JVM itself (Signal Dispatcher …) have no Java frames.
bool is_java_thread(const JvmThread& thread);

// How waiting is done is the library's business, and state and locks tell it: LockSupport.park and what is below it.
bool is_java_plumbing(std::string_view method);
// The innermost frame that is not the Java library's; the innermost that is no plumbing when all are. Null without
// frames.
const JvmFrame* java_program_frame(const JvmThreadDump& dump, const JvmThread& thread);
// "app.Cache.look (Cache.java:62)".
std::string java_frame_words(const JvmFrame& frame);

}  // namespace ec
