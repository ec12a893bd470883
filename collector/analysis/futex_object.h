// What one thread waits on in futex(2): the kind of the object and, where glibc or musl write it into memory, the
// thread that owns it.
//
// The memory around the futex word tells the kind (layouts of glibc 2.36 on x86-64 and aarch64, of musl 1.2; design
// notes "Locks and deadlocks"), the innermost functions of the stack confirm it, or tell it where the memory would fit
// several. An owner is accepted only when every sign agrees, because the word may belong to anything: a wrong owner
// would be a deadlock that does not exist.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "collector/snapshot/threads.h"

namespace ec {

enum class WaitKind {
  kMutex,          // pthread_mutex_t, std::mutex: normal, recursive, error-checking, adaptive
  kPriorityMutex,  // with priority inheritance
  kRobustMutex,
  kNoOwnerMutex,  // musl's normal mutex, Rust's Mutex: no owner written
  kRwlockWrite,   // wants to write; owner = the writer, when one holds it
  kRwlockRead,    // wants to read; owner = the writer
  kStdio,         // FILE lock
  kAllocator,     // arena of malloc: no owner written
  kPythonLock,    // threading.Lock, RLock: no owner written where it could be read
  kJavaMonitor,   // synchronized, Object.wait()
  kJavaLock,      // of java.util.concurrent.locks
  kLowLevel,      // lll_lock of the C library, dynamic linker …: no owner written
  kOnce,          // pthread_once, std::call_once: somebody else runs the function
  kStaticInit,    // __cxa_guard_acquire: somebody else runs the constructor of a static
  kJoin,          // pthread_join, std::thread::join; owner = the thread that is joined
  kCondition,     // from here on there is no owner: anybody may end the wait
  kSemaphore,
  kBarrier,
  kAtomic,  // std::atomic::wait
  kFuture,  // std::future
  kUnknown,
};
constexpr size_t kWaitKinds = static_cast<size_t>(WaitKind::kUnknown) + 1;
// "mutex", "mutex (priority inheritance)", "read-write lock (to write)" …
std::string_view to_string(WaitKind kind);
// For programs: "mutex", "pi-mutex", "rwlock-write" …
std::string_view word_of(WaitKind kind);
// Something that one thread has and others want: the kinds before kJoin.
bool is_lock(WaitKind kind);
// A lock of the program that never says who has it: Rust, musl's normal mutex, Python.
bool is_ownerless(WaitKind kind);

struct Wait {
  int waiter = 0;  // tid
  int owner = 0;   // tid; 0 = unknown
  WaitKind kind = WaitKind::kUnknown;
  uint64_t object = 0;      // address of the mutex, rwlock, FILE lock …; of the thread's tid field for a join
  uint64_t futex = 0;       // the word
  bool timed = false;       // the wait has a time limit: it may end by itself
  bool confirmed = false;   // functions of the stack say the same as the memory
  bool inferred = false;    // the owner is not written in memory: its stack is in the code that the others wait for
  bool owner_died = false;  // robust and priority mutexes: the owner ended while it held the lock
  int vanished_owner = 0;   // number in the owner field that is no living thread of the process; 0 = none
  uint32_t readers = 0;     // read-write locks: readers that hold it, not known by name
  bool by_runtime = false;  // not from futex(2): its JVM tells, and all such waits are of the same moment
  std::string name;         // of the object, where its runtime tells: the class of a Java object
  size_t object_index = 0;  // into WaitGraph::objects
};

// Number in the target's PID namespace → tid, of threads that live.
using TidMap = std::unordered_map<int, int>;

// `functions`: of the innermost frames, "" where a frame has no name. Nothing when the thread does not wait in
// futex(2), or the memory of the word was not read.
std::optional<Wait> futex_wait(const Thread& thread, const std::vector<std::string_view>& functions,
                               const TidMap& tids);
// How many frames that looks at.
constexpr size_t kWitnessFrames = 6;

}  // namespace ec
