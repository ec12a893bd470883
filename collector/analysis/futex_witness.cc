#include "collector/analysis/futex_witness.h"

#include <algorithm>
#include <array>

namespace ec {

namespace {

struct Sign {
  std::string_view begin;  // of the name, without leading underscores
  Witness witness;
};

// The first that fits. Functions that many objects share (futex_wait, lll_lock_wait) are in kPlumbing.
constexpr std::array kSigns{
    Sign{"pthread_mutex_", Witness::kMutex},
    Sign{"mtx_lock", Witness::kMutex},
    Sign{"mtx_timedlock", Witness::kMutex},
    Sign{"pthread_rwlock_rdlock", Witness::kRead},
    Sign{"pthread_rwlock_timedrdlock", Witness::kRead},
    Sign{"pthread_rwlock_clockrdlock", Witness::kRead},
    Sign{"pthread_rwlock_wrlock", Witness::kWrite},
    Sign{"pthread_rwlock_timedwrlock", Witness::kWrite},
    Sign{"pthread_rwlock_clockwrlock", Witness::kWrite},
    Sign{"pthread_cond_", Witness::kCondition},
    Sign{"cnd_wait", Witness::kCondition},
    Sign{"cnd_timedwait", Witness::kCondition},
    Sign{"sem_wait", Witness::kSemaphore},
    Sign{"sem_timedwait", Witness::kSemaphore},
    Sign{"sem_clockwait", Witness::kSemaphore},
    Sign{"new_sem_wait", Witness::kSemaphore},
    Sign{"pthread_barrier_wait", Witness::kBarrier},
    Sign{"pthread_join", Witness::kJoin},
    Sign{"pthread_timedjoin", Witness::kJoin},
    Sign{"pthread_clockjoin", Witness::kJoin},
    Sign{"thrd_join", Witness::kJoin},
    Sign{"pthread_once", Witness::kOnce},
    Sign{"call_once", Witness::kOnce},
    Sign{"std::call_once", Witness::kOnce},
    Sign{"cxa_guard_acquire", Witness::kStaticInit},
    Sign{"std::__atomic_futex_unsigned", Witness::kFuture},
    Sign{"std::__future_base", Witness::kFuture},
    Sign{"std::__atomic_wait", Witness::kAtomic},
    Sign{"std::__atomic_base", Witness::kAtomic},
    Sign{"std::__detail::__platform_wait", Witness::kAtomic},
    Sign{"std::__detail::__waiter", Witness::kAtomic},
    Sign{"std::atomic", Witness::kAtomic},
    Sign{"std::sys::sync::mutex", Witness::kOwnerlessMutex},
    Sign{"std::sys::pal::unix::locks::futex_mutex", Witness::kOwnerlessMutex},
    Sign{"std::sys::unix::locks::futex_mutex", Witness::kOwnerlessMutex},
    Sign{"parking_lot::raw_mutex", Witness::kOwnerlessMutex},
    Sign{"std::sys::", Witness::kOther},
    Sign{"runtime.futex", Witness::kOther},
    Sign{"flockfile", Witness::kStdio},
    Sign{"lockfile", Witness::kStdio},
    Sign{"IO_", Witness::kStdio},
    Sign{"malloc", Witness::kAllocator},
    Sign{"int_malloc", Witness::kAllocator},
    Sign{"int_free", Witness::kAllocator},
    Sign{"int_realloc", Witness::kAllocator},
    Sign{"int_memalign", Witness::kAllocator},
    Sign{"mid_memalign", Witness::kAllocator},
    Sign{"arena_get", Witness::kAllocator},
    Sign{"reused_arena", Witness::kAllocator},
    Sign{"detach_arena", Witness::kAllocator},
    Sign{"sysmalloc", Witness::kAllocator},
    Sign{"tcache_init", Witness::kAllocator},
    Sign{"systrim", Witness::kAllocator},
};

// Whole names.
struct Name {
  std::string_view name;
  Witness witness;
};
constexpr std::array kNames{
    Name{"lock", Witness::kLowLevel},  // musl's __lock
    Name{"free", Witness::kAllocator},
    Name{"calloc", Witness::kAllocator},
    Name{"realloc", Witness::kAllocator},
    Name{"memalign", Witness::kAllocator},
    Name{"aligned_alloc", Witness::kAllocator},
    Name{"posix_memalign", Witness::kAllocator},
    Name{"puts", Witness::kStdio},
    Name{"fputs", Witness::kStdio},
    Name{"putc", Witness::kStdio},
    Name{"fputc", Witness::kStdio},
    Name{"putchar", Witness::kStdio},
    Name{"fwrite", Witness::kStdio},
    Name{"fread", Witness::kStdio},
    Name{"fgets", Witness::kStdio},
    Name{"getc", Witness::kStdio},
    Name{"fgetc", Witness::kStdio},
    Name{"getline", Witness::kStdio},
    Name{"getdelim", Witness::kStdio},
    Name{"fflush", Witness::kStdio},
    Name{"fclose", Witness::kStdio},
    Name{"printf", Witness::kStdio},
    Name{"fprintf", Witness::kStdio},
    Name{"vfprintf", Witness::kStdio},
    Name{"vfprintf_internal", Witness::kStdio},
    Name{"vprintf", Witness::kStdio},
    Name{"perror", Witness::kStdio},
};

// Between the system call and the function that says what it is for.
constexpr std::array<std::string_view, 7> kPlumbing{"futex_",    "lll_lock",          "lll_timedlock", "timedwait",
                                                    "futexwait", "internal_syscall_", "syscall_cancel"};

std::string_view bare(std::string_view name) {
  name = name.substr(0, name.find('@'));
  size_t letters = name.find_first_not_of('_');
  name.remove_prefix(letters == std::string_view::npos ? name.size() : letters);
  if (name.starts_with("GI_")) name = bare(name.substr(3));
  return name;
}

// "void std::__atomic_wait_address_v<int>(…)": a return type may stand before the name.
bool has_sign(std::string_view name, std::string_view sign) {
  if (name.starts_with(sign)) return true;
  if (!sign.starts_with("std::")) return false;
  std::string_view head = name.substr(0, name.find_first_of("<("));
  size_t space = head.rfind(' ');
  return space != std::string_view::npos && name.substr(space + 1).starts_with(sign);
}

// std's own functions, as they are or mangled (v0:
// "RNvMNtNtNtNtCs…_3std3sys4sync5mutex5futexNtB2_5Mutex14lock_contended").
bool is_rust_futex_wait(std::string_view name) {
  return name.find("futex::futex_wait") != std::string_view::npos ||
         (name.starts_with("RN") && name.find("5futex10futex_wait") != std::string_view::npos);
}
bool is_rust_mutex(std::string_view name) {
  if (!name.starts_with("RN")) return name.starts_with("<std::sys::sync::mutex");
  return name.find("3sys4sync5mutex") != std::string_view::npos;
}

bool is_plumbing(std::string_view name) {
  return name == "syscall" || name == "wait" ||
         std::any_of(kPlumbing.begin(), kPlumbing.end(),
                     [&](std::string_view begin) { return name.starts_with(begin); });
}

}  // namespace

Witness witness_of(const std::vector<std::string_view>& functions) {
  bool by_hand = false;  // syscall(2): no lock of the C library uses it
  for (size_t i = 0; i < functions.size(); ++i) {
    std::string_view function = functions[i];
    if (function.empty()) continue;
    std::string_view name = bare(function);
    if (is_rust_mutex(name)) return Witness::kOwnerlessMutex;
    if (is_rust_futex_wait(name)) continue;
    for (const Name& each : kNames)
      if (name == each.name) return each.witness;
    for (const Sign& sign : kSigns)
      if (has_sign(name, sign.begin)) return sign.witness;
    if (name == "syscall") by_hand = true;
    // Whatever the innermost one is called, it makes the system call (musl's has no symbol of its own).
    if (i > 0 && !is_plumbing(name)) break;
  }
  return by_hand ? Witness::kOther : Witness::kNothing;
}

}  // namespace ec
