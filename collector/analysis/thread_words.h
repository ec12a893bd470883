// Threads in words: which function of the program a stack is in, what a thread waits for, and stacks grouped.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "collector/snapshot/snapshot.h"

namespace ec {

// Looks threads and stacks up by tid. Refers to the snapshot, which must outlive it. Empty when nothing was collected.
class ThreadIndex {
 public:
  explicit ThreadIndex(const Snapshot& snapshot);

  const Thread* thread(int tid) const;
  const ThreadStack* thread_stack(int tid) const;
  // Null when there is none, or its index is out of range.
  const Stack* stack(int tid) const;
  const Frame* frame(uint32_t index) const;
  // Of the thread dump of a JVM; null when it is no Java thread.
  const JvmThread* java_thread(int tid) const;
  const JvmThreadDump& java_dump() const { return snapshot_.jvm->dump; }  // condition: there is a java_thread()

 private:
  const Snapshot& snapshot_;
  std::unordered_map<int, size_t> threads_, stacks_, java_threads_;
};

// "symbol", else "module+0x1234", else "0x7f12…"; of Python "function (file.py:42)"; one line.
std::string frame_name(const Frame& frame, size_t limit = 100);
// The same without template arguments, parameters and return type: for sentences.
std::string spoken_frame(const Frame& frame);
// And without what every name of a C++ file begins with: for boxes and tables.
std::string short_frame(const Frame& frame);
// The innermost function, whatever it is; "" without a stack.
std::string top_function(const ThreadIndex& index, int tid);
// The innermost Python frame; null when there is none.
const Frame* python_frame(const ThreadIndex& index, int tid);
// The innermost function that belongs to the program: that of Python or Java if there is one, else neither a wrapper of
// a system call nor one of a lock, an allocator or a condition variable of the C or C++ library; the innermost known
// one when all are. "" without a stack.
std::string program_function(const ThreadIndex& index, int tid);
// Its stack is of a later moment than its state and its system call, and it was somewhere else by then.
bool moved_between(const ThreadIndex& index, const Thread& thread);
// As doing(), and that it moved since where it did.
std::string doing_at_stack(const ThreadIndex& index, const Thread& thread);
// What it does now: "waits in futex(…)", "runs", "is in an uninterruptible wait (io_schedule)".
std::string doing(const Thread& thread);
// What a Java thread does that does not run: "is WAITING (parking)"; "" for every other.
std::string java_doing(const ThreadIndex& index, int tid);
// That, or doing().
std::string doing(const ThreadIndex& index, const Thread& thread);
// "worker-3 (tid 77)".
std::string thread_name(const Thread& thread);

// Threads with the same stack, system call and state.
struct ThreadGroup {
  std::vector<int> tids;            // ascending
  const Stack* stack = nullptr;     // null: no user stack
  const Thread* example = nullptr;  // never null
};
// Of a core, that of the thread with the signal first. Largest group first; ties by the smallest tid.
std::vector<ThreadGroup> group_threads(const Snapshot& snapshot, const ThreadIndex& index);

}  // namespace ec
