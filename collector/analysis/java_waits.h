// Java threads that wait for a monitor or a lock of java.util.concurrent, as the thread dump tells: who waits for what,
// and which thread has it. All of it is of one moment, because the JVM writes it at a standstill.
#pragma once

#include <string>
#include <vector>

#include "collector/analysis/futex_object.h"
#include "collector/snapshot/jvm.h"

namespace ec {

// One per waiting thread whose tid is known, in the order of the dump. Waits of conditions, queues and latches are
// none: nobody holds those up. Who has a lock of java.util.concurrent is in a dump only where it is part of a deadlock,
// or with "Locked ownable synchronizers".
std::vector<Wait> java_waits(const JvmRuntime& jvm);

// The line of the dump that says so: "waiting to lock <0x00000000ffd1aa30> (a java.lang.Object)"; "" when there is
// none.
std::string java_wait_line(const JvmThread& thread);

}  // namespace ec
