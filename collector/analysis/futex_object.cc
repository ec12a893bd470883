#include "collector/analysis/futex_object.h"

#include <array>
#include <cstring>

#include "collector/analysis/futex_witness.h"

namespace ec {

namespace {

struct KindWords {
  std::string_view spoken, word;
};
constexpr std::array<KindWords, kWaitKinds> kWords{{{"mutex", "mutex"},
                                                    {"mutex (priority inheritance)", "pi-mutex"},
                                                    {"mutex (robust)", "robust-mutex"},
                                                    {"mutex (no owner written)", "mutex-without-owner"},
                                                    {"read-write lock (to write)", "rwlock-write"},
                                                    {"read-write lock (to read)", "rwlock-read"},
                                                    {"stdio lock", "stdio"},
                                                    {"lock of the allocator", "malloc"},
                                                    {"Python lock", "python-lock"},
                                                    {"Java monitor", "java-monitor"},
                                                    {"Java lock", "java-lock"},
                                                    {"lock inside the C library", "low-level"},
                                                    {"call that is made once", "once"},
                                                    {"construction of a static variable", "static-init"},
                                                    {"end of a thread (join)", "join"},
                                                    {"condition variable", "condition"},
                                                    {"semaphore", "semaphore"},
                                                    {"barrier", "barrier"},
                                                    {"change of an atomic variable", "atomic-wait"},
                                                    {"result of a future", "future"},
                                                    {"futex that belongs to no known kind of lock", "unknown"}}};

constexpr int kWordOffset = 48;  // FutexMemory: the futex word stands at this offset
constexpr uint32_t kTidMask = 0x3fffffff, kOwnerDied = 0x40000000, kWaiters = 0x80000000;  // linux/futex.h
constexpr int kFutexWait = 0, kFutexLockPi = 6, kFutexWaitBitset = 9, kFutexLockPi2 = 13;
constexpr uint64_t kPrivate = 128;
constexpr uint32_t kMostUsers = 0x100000;  // more than there can be threads
// glibc nptl/pthreadP.h, enum of mutex kinds: type 0…3, robust 0x10, PI 0x20, PP 0x40, pshared 0x80, elision 0x100
// 0x200.
constexpr uint32_t kKnownKindBits = 0x3f3, kRobust = 0x10, kPriorityProtect = 0x40;
// glibc nptl/pthread_rwlock_common.c: bits of __readers.
constexpr uint32_t kWritePhase = 1, kWriteLocked = 2, kReadersWait = 4, kReaderShift = 3;
// libstdc++ libsupc++/guard.cc: pending and waiting bits; <bits/atomic_futex.h>: the waiter bit, state "not ready" 0.
constexpr uint32_t kGuardPendingAndWaiting = 0x10100, kFutureNotReady = 0x80000000;
// Of what a function keeps in its own frame: musl waits for a condition variable on a word there.
constexpr uint64_t kOwnFrame = 1024;

struct FutexCall {
  uint64_t address = 0, operation = 0;
  uint32_t value = 0;
  bool timed = false;
  int command() const { return static_cast<int>(operation & 0x7f); }
  bool is_private() const { return operation & kPrivate; }
};

std::optional<FutexCall> futex_call(const Thread& thread) {
  if (!thread.call || thread.call->arguments.size() < 4 || !thread.futex) return std::nullopt;
  auto& call = *thread.call;
  // A futex wait that a signal or a stop interrupted goes on as restart_syscall, with the old arguments still in place.
  bool restarted = call.name == "restart_syscall";
  if (call.name != "futex" && !restarted) return std::nullopt;
  FutexCall futex{call.arguments[0], call.arguments[1], static_cast<uint32_t>(call.arguments[2]),
                  call.arguments[3] != 0};
  if (futex.address != thread.futex->address || futex.operation > 0x1ff) return std::nullopt;
  int command = futex.command();
  if (command != kFutexWait && command != kFutexWaitBitset && command != kFutexLockPi && command != kFutexLockPi2)
    return std::nullopt;
  return futex;
}

bool plausible_pointer(uint64_t pointer, uint64_t alignment) {
  return pointer > 0x10000 && pointer < (uint64_t{1} << 47) && pointer % alignment == 0;
}

class Object {
 public:
  Object(const Thread& thread, const FutexCall& call, Witness witness, const TidMap& tids)
      : thread_(thread), bytes_(thread.futex->bytes), tids_(tids), call_(call), witness_(witness) {
    wait_.waiter = thread.tid;
    wait_.object = wait_.futex = call.address;
    wait_.timed = call.timed;
  }

  std::optional<Wait> recognise() {
    auto word = at(0);
    if (!word) return std::nullopt;
    word_ = *word;
    if (call_.command() == kFutexLockPi || call_.command() == kFutexLockPi2)
      priority_mutex();
    else if (!(robust_mutex() || mutex() || join() || rwlock() || musl_lock() || musl_join() || musl_file() ||
               condition() || semaphore() || barrier() || initialisation() || future() || low_level()))
      by_witness();
    return wait_;
  }

 private:
  // The 32-bit number at `delta` bytes from the futex word.
  std::optional<uint32_t> at(int delta) const {
    int begin = kWordOffset + delta;
    if (begin < 0 || static_cast<size_t>(begin) + 4 > bytes_.size()) return std::nullopt;
    uint32_t value;
    std::memcpy(&value, bytes_.data() + begin, 4);
    return value;
  }
  uint32_t at_or_zero(int delta) const { return at(delta).value_or(0); }
  uint64_t pointer_at(int delta) const { return at_or_zero(delta) | uint64_t{at_or_zero(delta + 4)} << 32; }

  // tid of the living thread with this number in the target's namespace; 0 = none.
  int live(uint32_t number) const {
    if (number == 0 || number > kTidMask) return 0;
    auto found = tids_.find(static_cast<int>(number));
    return found == tids_.end() ? 0 : found->second;
  }
  int live_other(uint32_t number) const {
    int tid = live(number);
    return tid == wait_.waiter ? 0 : tid;
  }

  // The stack does not speak against it: it names nothing known, or one of these.
  bool may_be(std::initializer_list<Witness> witnesses) const {
    return witness_ == Witness::kNothing || witnessed(witnesses);
  }
  bool witnessed(std::initializer_list<Witness> witnesses) const {
    for (Witness each : witnesses)
      if (witness_ == each) return true;
    return false;
  }

  bool is(WaitKind kind, int owner, uint64_t object) {
    wait_.kind = kind;
    wait_.owner = owner;
    wait_.object = object;
    wait_.confirmed = witness_ != Witness::kNothing;
    return true;
  }

  // The kernel itself keeps the owner in the word.
  void priority_mutex() {
    uint32_t number = word_ & kTidMask;
    // The kernel refuses PI locks of one's own with EDEADLK: such an edge is a misreading.
    is(WaitKind::kPriorityMutex, live_other(number), call_.address);
    wait_.owner_died = word_ & kOwnerDied;
    if (live(number) == 0 && number != 0) wait_.vanished_owner = static_cast<int>(number);
  }

  bool kind_known() const {
    auto kind = at(16);
    return kind && (*kind & ~kKnownKindBits) == 0 && !(*kind & kPriorityProtect);
  }

  bool robust_mutex() {
    if (!(call_.value & kWaiters) || !kind_known() || !(at_or_zero(16) & kRobust)) return false;
    if (!may_be({Witness::kMutex, Witness::kCondition})) return false;
    uint32_t number = word_ & kTidMask;
    if (number == 0 || number != (call_.value & kTidMask)) return false;  // it changed hands since
    is(WaitKind::kRobustMutex, live_other(number), call_.address);
    wait_.owner_died = word_ & kOwnerDied;
    if (live(number) == 0) wait_.vanished_owner = static_cast<int>(number);
    return true;
  }

  // __lock @0, __count @4, __owner @8, __nusers @12, __kind @16: the same on x86-64 and aarch64.
  bool mutex() {
    if (call_.value != 2 || (word_ != 1 && word_ != 2) || !kind_known() || (at_or_zero(16) & kRobust)) return false;
    // A condition variable takes its mutex again before it returns.
    if (!may_be({Witness::kMutex, Witness::kCondition})) return false;
    uint32_t owner = at_or_zero(8), users = at_or_zero(12), type = at_or_zero(16) & 3;
    if (users == 0 || users > kMostUsers || owner == 0 || owner > kTidMask) return false;
    int tid = live(owner);
    // A recursive (1) or error-checking (2) mutex never blocks its own owner.
    if (tid == wait_.waiter && (type == 1 || type == 2)) return false;
    is(WaitKind::kMutex, tid, call_.address);
    if (tid == 0) wait_.vanished_owner = static_cast<int>(owner);
    return true;
  }

  // struct pthread.tid of the joinee: the kernel clears it when that thread ends (CLONE_CHILD_CLEARTID), so the wait is
  // a shared one.
  bool join() {
    if (call_.is_private() || call_.value == 0 || call_.value != word_ || !may_be({Witness::kJoin})) return false;
    int tid = live_other(word_);
    return tid != 0 && is(WaitKind::kJoin, tid, call_.address);
  }

  // Where a pthread_rwlock_t that begins `start` bytes from the word has its flag __shared, it is one.
  bool shared_is_flag(int start) const {
    auto flag = at(start + 28);
    return flag && (*flag & 0xff) <= 1;
  }

  // __readers @0, __writers @4, __wrphase_futex @8, __writers_futex @12, __cur_writer @24, __shared @28. glibc answers
  // EDEADLK to the writer that asks again: nobody waits for itself here.
  bool rwlock() {
    if (call_.command() != kFutexWaitBitset || !may_be({Witness::kRead, Witness::kWrite})) return false;
    uint32_t state_12 = at_or_zero(-12), state_8 = at_or_zero(-8);
    if (call_.value == 3 && shared_is_flag(-12) && (state_12 & kWriteLocked) && witness_ != Witness::kRead) {
      if (int writer = live_other(at_or_zero(12))) return is(WaitKind::kRwlockWrite, writer, call_.address - 12);
      // Behind a writer that waits for readers itself.
      if (witness_ == Witness::kWrite && at_or_zero(12) == 0)
        return held_by_readers(WaitKind::kRwlockWrite, state_12, call_.address - 12);
    }
    if (call_.value == 3 && shared_is_flag(-8) && (state_8 & kWritePhase) && witness_ != Witness::kWrite)
      if (int writer = live_other(at_or_zero(16))) return is(WaitKind::kRwlockRead, writer, call_.address - 8);
    // A writer that waits for readers: their number is known, their names are not.
    if (call_.value == 2 && word_ == 2 && shared_is_flag(-8) && (state_8 & kWriteLocked) && at_or_zero(16) == 0 &&
        witness_ != Witness::kRead)
      return held_by_readers(WaitKind::kRwlockWrite, state_8, call_.address - 8);
    // A reader that lets a waiting writer go first (PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP).
    if (witness_ == Witness::kRead && call_.value == word_ && (word_ & kReadersWait) && shared_is_flag(0))
      return held_by_readers(WaitKind::kRwlockRead, word_, call_.address);
    return false;
  }

  bool held_by_readers(WaitKind kind, uint32_t state, uint64_t object) {
    uint32_t readers = state >> kReaderShift;
    if (readers == 0 || readers >= kMostUsers) return false;
    wait_.readers = readers;
    return is(kind, 0, object);
  }

  // musl: _m_type @-4, _m_lock @0, _m_waiters @4, _m_prev @20. The owner is in the low 30 bits, and the mutex in the
  // owner's list, except for normal mutexes, which hold EBUSY (16).
  bool musl_lock() {
    if (call_.command() != kFutexWait || !(call_.value & kWaiters) || call_.value != word_) return false;
    auto type = at(-4);
    uint32_t waiters = at_or_zero(4);
    if (!type || (*type & ~uint32_t{0x8f}) != 0 || waiters == 0 || waiters > kMostUsers) return false;
    if (!may_be({Witness::kMutex, Witness::kCondition})) return false;
    if ((*type & 0xf) == 0) return (word_ & kTidMask) == 16 && is(WaitKind::kNoOwnerMutex, 0, call_.address - 4);
    int tid = live_other(word_ & kTidMask);
    return tid != 0 && plausible_pointer(pointer_at(20), 8) && is(WaitKind::kMutex, tid, call_.address - 4);
  }

  // musl: detach_state 8 bytes behind tid in struct pthread; 2 is DT_JOINABLE. The word alone would be a lock.
  bool musl_join() {
    if (witness_ != Witness::kJoin || !call_.is_private() || call_.value != word_ || word_ > 2) return false;
    int tid = live_other(at_or_zero(-8));
    return tid != 0 && is(WaitKind::kJoin, tid, call_.address);
  }

  // musl: the lock of a FILE is the owner's number, with bit 30 when others wait (MAYBE_WAITERS).
  bool musl_file() {
    if (witness_ != Witness::kStdio || call_.command() != kFutexWait || call_.value != word_) return false;
    if ((word_ & kWaiters) || !(word_ & kOwnerDied)) return false;
    int tid = live_other(word_ & kTidMask);
    return tid != 0 && is(WaitKind::kStdio, tid, call_.address);
  }

  // glibc: __g_refs @16, __wrefs @36, __g_signals @40 and @44, one word per group.
  bool condition() {
    if (witness_ == Witness::kCondition) {
      bool second = at_or_zero(-8) >> 3 != 0 && at_or_zero(-24) >= 2 && at_or_zero(-4) >> 3 == 0;
      bool glibc = call_.command() == kFutexWaitBitset;
      return is(WaitKind::kCondition, 0, glibc ? call_.address - (second ? 44 : 40) : call_.address);
    }
    if (witness_ != Witness::kNothing || call_.command() != kFutexWaitBitset || call_.value != 0) return false;
    auto group_waits = [&](int start, int group) {
      uint32_t waiters = at_or_zero(start + 36) >> 3, refs = at_or_zero(start + 16 + 4 * group);
      return waiters > 0 && waiters < kMostUsers && refs >= 2 && refs >> 1 <= waiters;
    };
    if (group_waits(-40, 0)) return is(WaitKind::kCondition, 0, call_.address - 40);
    return group_waits(-44, 1) && is(WaitKind::kCondition, 0, call_.address - 44);
  }

  // glibc: value @0, number of waiters @4, private flag @8 (0, or 128 when shared).
  bool semaphore() {
    if (witness_ == Witness::kSemaphore) return is(WaitKind::kSemaphore, 0, call_.address);
    if (witness_ != Witness::kNothing || call_.command() != kFutexWaitBitset || call_.value != 0) return false;
    uint32_t waiters = at_or_zero(4), shared = at_or_zero(8);
    return word_ == 0 && waiters > 0 && waiters < kMostUsers && shared == (call_.is_private() ? 0u : 128u) &&
           is(WaitKind::kSemaphore, 0, call_.address);
  }

  // glibc: in @0, current_round @4, count @8, shared @12. Some have arrived since the round began, and not all.
  bool barrier() {
    if (witness_ == Witness::kBarrier) return is(WaitKind::kBarrier, 0, call_.address - 4);
    if (witness_ != Witness::kNothing || call_.command() != kFutexWait || call_.value != word_) return false;
    uint32_t arrived = at_or_zero(-4) - word_, count = at_or_zero(4), shared = at_or_zero(8);
    return arrived > 0 && arrived < count && count < kMostUsers && shared == (call_.is_private() ? 0u : 128u) &&
           is(WaitKind::kBarrier, 0, call_.address - 4);
  }

  bool initialisation() {
    if (call_.command() != kFutexWait || call_.value != word_) return false;
    if (call_.value == kGuardPendingAndWaiting && may_be({Witness::kStaticInit}))
      return is(WaitKind::kStaticInit, 0, call_.address);
    // In progress: 1, with the number of forks in the other bits.
    return witness_ == Witness::kOnce && (word_ & 3) == 1 && is(WaitKind::kOnce, 0, call_.address);
  }

  bool future() {
    return call_.value == kFutureNotReady && word_ == kFutureNotReady && may_be({Witness::kFuture}) &&
           is(WaitKind::kFuture, 0, call_.address - 16);
  }

  // An int that is 0, 1 or 2: the same in many libraries, so that the stack must not speak against it.
  bool low_level() {
    if (call_.command() != kFutexWait || call_.value != 2 || word_ != 2 || !call_.is_private()) return false;
    uint64_t sp = thread_.call->stack_pointer;
    if (sp != 0 && call_.address >= sp && call_.address - sp < kOwnFrame) return false;
    if (witness_ == Witness::kAllocator) return is(WaitKind::kAllocator, 0, call_.address);
    if (!may_be({Witness::kStdio, Witness::kLowLevel})) return false;
    // _IO_lock_t: lock @0, cnt @4, owner @8 as pointer to the owner's thread block.
    uint32_t count = at_or_zero(4);
    bool stdio = count >= 1 && count < 0x10000 && plausible_pointer(pointer_at(8), 16);
    if (!stdio || witness_ == Witness::kLowLevel) return is(WaitKind::kLowLevel, 0, call_.address);
    is(WaitKind::kStdio, 0, call_.address);
    // That block names its thread (collectors/futex_words.h).
    auto& block = thread_.futex->owner_block;
    if (block && block->pointer == pointer_at(8) && block->self == block->pointer) wait_.owner = live_other(block->tid);
    return true;
  }

  void by_witness() {
    uint64_t address = call_.address;
    bool locked = call_.value == word_ && word_ != 0;
    if (witness_ == Witness::kAtomic)
      is(WaitKind::kAtomic, 0, address);
    else if (witness_ == Witness::kFuture)
      is(WaitKind::kFuture, 0, address);
    else if (witness_ == Witness::kOwnerlessMutex || (locked && witness_ == Witness::kMutex))
      is(WaitKind::kNoOwnerMutex, 0, address);
    else if (locked && witness_ == Witness::kRead)
      is(WaitKind::kRwlockRead, 0, address);
    else if (locked && witness_ == Witness::kWrite)
      is(WaitKind::kRwlockWrite, 0, address);
    else if (locked && witness_ == Witness::kAllocator)
      is(WaitKind::kAllocator, 0, address);
    else if (locked && witness_ == Witness::kStdio)
      is(WaitKind::kStdio, 0, address);
    else if (locked && witness_ == Witness::kLowLevel)
      is(WaitKind::kLowLevel, 0, address);
    else
      wait_.confirmed = false;
  }

  const Thread& thread_;
  std::string_view bytes_;
  const TidMap& tids_;
  FutexCall call_;
  Witness witness_;
  uint32_t word_ = 0;
  Wait wait_;
};

}  // namespace

std::string_view to_string(WaitKind kind) { return kWords.at(static_cast<size_t>(kind)).spoken; }
std::string_view word_of(WaitKind kind) { return kWords.at(static_cast<size_t>(kind)).word; }
bool is_lock(WaitKind kind) { return kind < WaitKind::kJoin; }
bool is_ownerless(WaitKind kind) { return kind == WaitKind::kNoOwnerMutex || kind == WaitKind::kPythonLock; }

std::optional<Wait> futex_wait(const Thread& thread, const std::vector<std::string_view>& functions,
                               const TidMap& tids) {
  auto call = futex_call(thread);
  if (!call) return std::nullopt;
  return Object(thread, *call, witness_of(functions), tids).recognise();
}

}  // namespace ec
