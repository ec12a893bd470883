// What the innermost functions of a stack say about the futex that the thread waits on.
#pragma once

#include <string_view>
#include <vector>

namespace ec {

enum class Witness {
  kNothing,  // no function is known that would tell
  kMutex,
  kOwnerlessMutex,  // of Rust and parking_lot
  kRead,
  kWrite,
  kStdio,
  kAllocator,
  kLowLevel,
  kOnce,
  kStaticInit,
  kJoin,
  kCondition,
  kSemaphore,
  kBarrier,
  kAtomic,
  kFuture,
  kOther,  // a futex(2) of somebody who is none of these: Go's scheduler, a program's own lock
};

// `functions`: innermost first, "" where a frame has no name. Names of glibc, musl, libstdc++ and Rust; versions and
// leading underscores do not matter.
Witness witness_of(const std::vector<std::string_view>& functions);

}  // namespace ec
