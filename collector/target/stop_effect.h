// What a ptrace stop does to the system call that a thread waits in (measured on Linux 6.18, and by signal(7)).
#pragma once

#include <sys/types.h>

#include "collector/target/task_syscall.h"

namespace ec {

// The kernel starts it again by itself: the thread never learns of the stop. `pid`: whose descriptors its arguments
// are; a read of a pipe survives, that of a socket with a timeout does not, and from outside the timeout is not to be
// seen.
bool survives_stop(const TaskSyscall& call, pid_t pid);

// epoll_wait and its kin: they end with EINTR at any stop, and no program takes harm when they start again.
bool is_epoll_wait(long call);
// All that end with EINTR at a stop and may start again: epoll_wait and its kin, semop, semtimedop, rt_sigtimedwait,
// io_getevents and its kin, io_uring_enter, accept, accept4, recvfrom, recvmsg. Timeouts that are relative start anew.
bool can_start_again(long call);

}  // namespace ec
