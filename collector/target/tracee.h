// One thread under ptrace(2): seized, interrupted, read, let go. Who is stopped when is for freezer.h to say.
#pragma once

#include <cstdint>

#include "collector/target/freeze.h"
#include "collector/target/task_dir.h"

namespace ec {

struct Tracee {
  enum class Stop { kPending, kStopped, kGone };
  FrozenThread entry;
  Stop stop = Stop::kPending;
  int64_t asked_ns = 0;    // CLOCK_MONOTONIC, as all moments here
  int64_t stopped_ns = 0;  // when its pause began, at the latest
  int signal = 0;          // of a signal-delivery-stop: handed on at the detach
  bool attached = false;
};

int64_t monotonic_ns();

// False, with the outcome in `entry`, for a thread that ended, and for one that a request to stop would hit later.
bool stoppable(TaskDir& tasks, FrozenThread& entry);
// PTRACE_SEIZE: it runs on. False with the outcome in the entry.
bool attach(TaskDir& tasks, Tracee& tracee);
// PTRACE_INTERRUPT: it stops soon. False when it is gone.
bool interrupt(Tracee& tracee);
// While it lives, a waitpid(2) that has nothing to report ends with EINTR every few milliseconds. Takes SIGALRM and the
// real-time timer of this process.
class WaitTicks {
 public:
  WaitTicks();
  ~WaitTicks();
  WaitTicks(const WaitTicks&) = delete;
  WaitTicks& operator=(const WaitTicks&) = delete;
};
// Waits for the stop of an interrupted thread, at most until `until_ns`, at least looks. Without a stop its outcome is
// in the entry. Condition: there are WaitTicks.
void await_stop(Tracee& tracee, int64_t until_ns);

// One event of waitpid(2) of this thread. `at_once`: it is handled the moment it happens, so the pause begins now.
void note_event(Tracee& tracee, int status, bool at_once);
// Registers and system call of a stopped thread, or the outcome that there are none. `restart`: calls that the stop
// would end with EINTR and that are made to start again.
void read_registers(Tracee& tracee, RestartCalls restart);
// Lets it go, with its signal; the pause ends here.
bool detach(Tracee& tracee);

// Sleeps until a tracee changes state, at most until `until_ns`; never spins, because the tracee may need this CPU.
// Condition: SIGCHLD is blocked.
void wait_for_event(int64_t until_ns);

}  // namespace ec
