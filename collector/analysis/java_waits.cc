#include "collector/analysis/java_waits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "collector/base/text.h"

namespace ec {

namespace {

// Blockers of LockSupport.park that one thread has and others want; the rest of java.util.concurrent waits for signals.
bool is_exclusive(std::string_view class_name) {
  static constexpr std::array<std::string_view, 3> kLocks{"java.util.concurrent.locks.ReentrantLock$",
                                                          "java.util.concurrent.locks.ReentrantReadWriteLock$",
                                                          "java.util.concurrent.locks.StampedLock"};
  return class_name.find("ConditionObject") == std::string_view::npos &&
         std::any_of(kLocks.begin(), kLocks.end(), [&](std::string_view each) { return class_name.starts_with(each); });
}

// What the thread wants, null when nothing that anybody has.
const JvmLock* wanted(const JvmThread& thread) {
  for (const JvmLock& lock : thread.locks) {
    if (lock.frame > 0) break;
    bool monitor = lock.use == JvmLockUse::kWaitingToLock || lock.use == JvmLockUse::kWaitingToRelock;
    if (monitor || (lock.use == JvmLockUse::kParking && is_exclusive(lock.class_name))) return &lock;
  }
  // JDK 8 has no line of its own for a thread that was woken in Object.wait() and wants the monitor back.
  if (thread.state.starts_with("BLOCKED") && !thread.locks.empty() &&
      thread.locks.front().use == JvmLockUse::kWaitingOn)
    return &thread.locks.front();
  // Of the native frame of Object.wait() the re-locking is told at the frame of its caller.
  for (const JvmLock& lock : thread.locks)
    if (lock.use == JvmLockUse::kWaitingToRelock) return &lock;
  return nullptr;
}

// In Object.wait() the monitor is given back, while the frame that entered it still says "locked".
bool gave_back(const JvmThread& thread, uint64_t monitor) {
  return std::any_of(thread.locks.begin(), thread.locks.end(), [&](const JvmLock& lock) {
    return lock.address == monitor && lock.use != JvmLockUse::kLocked && lock.use != JvmLockUse::kParking;
  });
}

class Owners {
 public:
  explicit Owners(const JvmRuntime& jvm) {
    std::unordered_map<std::string_view, int> by_name;
    for (size_t i = 0; i < jvm.dump.threads.size(); ++i) {
      const JvmThread& thread = jvm.dump.threads[i];
      // Two threads of one name: the deadlock section does not say which.
      auto [known, fresh] = by_name.try_emplace(thread.name, jvm.tids[i]);
      if (!fresh) known->second = 0;
      for (const JvmLock& lock : thread.locks)
        if (lock.use == JvmLockUse::kLocked && !gave_back(thread, lock.address))
          owners_.try_emplace(lock.address, jvm.tids[i]);
      for (const JvmLock& lock : thread.synchronizers) owners_.try_emplace(lock.address, jvm.tids[i]);
    }
    for (const auto& deadlock : jvm.dump.deadlocks)
      for (const JvmDeadlockWait& wait : deadlock)
        if (auto holder = by_name.find(wait.holder); holder != by_name.end() && holder->second != 0)
          owners_.try_emplace(wait.object, holder->second);
  }
  int of(uint64_t object) const {
    auto found = owners_.find(object);
    return found == owners_.end() ? 0 : found->second;
  }

 private:
  std::unordered_map<uint64_t, int> owners_;
};

}  // namespace

std::vector<Wait> java_waits(const JvmRuntime& jvm) {
  std::vector<Wait> waits;
  Owners owners(jvm);
  for (size_t i = 0; i < jvm.dump.threads.size(); ++i) {
    const JvmThread& thread = jvm.dump.threads[i];
    const JvmLock* lock = jvm.tids[i] != 0 ? wanted(thread) : nullptr;
    if (!lock) continue;
    Wait& wait = waits.emplace_back();
    wait.waiter = jvm.tids[i];
    wait.owner = owners.of(lock->address);
    wait.kind = lock->use == JvmLockUse::kParking ? WaitKind::kJavaLock : WaitKind::kJavaMonitor;
    wait.object = lock->address;
    wait.name = lock->class_name;
    wait.timed = lock->use == JvmLockUse::kParking && thread.state.starts_with("TIMED_WAITING");
    wait.confirmed = wait.by_runtime = true;
  }
  return waits;
}

std::string java_wait_line(const JvmThread& thread) {
  const JvmLock* lock = wanted(thread);
  if (!lock) return {};
  std::string_view verb = "waiting to lock";
  if (lock->use == JvmLockUse::kParking) verb = "parking to wait for ";
  if (lock->use == JvmLockUse::kWaitingToRelock) verb = "waiting to re-lock in wait()";
  if (lock->use == JvmLockUse::kWaitingOn) verb = "waiting on";
  return fmt::format("{} <{:#018x}> (a {})", verb, lock->address, lock->class_name);
}

}  // namespace ec
