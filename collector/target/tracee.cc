#include "collector/target/tracee.h"

#include <elf.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#include <array>
#include <cerrno>

#include "collector/proc/pid_stat.h"
#include "collector/target/stop_effect.h"

namespace ec {

namespace {

constexpr int64_t kErrnoInterrupted = -4;
constexpr int64_t kRestartNoHandler = -514;  // ERESTARTNOHAND, include/linux/errno.h
constexpr suseconds_t kTickUs = 2'000;

}  // namespace

int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

bool stoppable(TaskDir& tasks, FrozenThread& entry) {
  auto text = tasks.read(entry.tid, "stat");
  auto stat = text ? parse_pid_stat("stat", *text) : fail(ErrorCode::kGone, "", "");
  if (!stat || stat->zombie()) {
    entry.outcome = FreezeOutcome::kGone;
    return false;
  }
  // D: uninterruptible, a parent in vfork(2), a frozen cgroup. The request would stay pending and hit it later.
  if (stat->state == 'D' || stat->state == 'I' || stat->exiting()) {
    entry.outcome = FreezeOutcome::kUnstoppable;
    return false;
  }
  return true;
}

bool attach(TaskDir& tasks, Tracee& tracee) {
  if (ptrace(PTRACE_SEIZE, tracee.entry.tid, nullptr, nullptr) == 0) return tracee.attached = true;
  tracee.entry.error = errno;
  // A thread that is ending answers EPERM.
  bool gone = errno == ESRCH;
  if (errno == EPERM) {
    FrozenThread again = tracee.entry;
    gone = !stoppable(tasks, again);
  }
  tracee.entry.outcome = gone ? FreezeOutcome::kGone : FreezeOutcome::kRefused;
  return false;
}

bool interrupt(Tracee& tracee) {
  tracee.asked_ns = monotonic_ns();
  tracee.stopped_ns = tracee.asked_ns;
  if (ptrace(PTRACE_INTERRUPT, tracee.entry.tid, nullptr, nullptr) == 0) return true;
  tracee.entry.outcome = FreezeOutcome::kGone;
  tracee.stop = Tracee::Stop::kGone;
  return false;
}

WaitTicks::WaitTicks() {
  struct sigaction action {};
  action.sa_handler = [](int) {};  // and no SA_RESTART
  sigaction(SIGALRM, &action, nullptr);
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  sigprocmask(SIG_UNBLOCK, &alarm, nullptr);
  // Again and again: one may come just before a call that is to end.
  const itimerval timer{{0, kTickUs}, {0, kTickUs}};
  setitimer(ITIMER_REAL, &timer, nullptr);
}

WaitTicks::~WaitTicks() {
  const itimerval never{};
  setitimer(ITIMER_REAL, &never, nullptr);
}

void await_stop(Tracee& tracee, int64_t until_ns) {
  pid_t who = -1;
  int status = 0;
  do {
    const bool late = monotonic_ns() >= until_ns;
    who = waitpid(tracee.entry.tid, &status, __WALL | (late ? WNOHANG : 0));
  } while (who < 0 && errno == EINTR);
  if (who > 0) {
    note_event(tracee, status, false);
  } else if (who == 0) {
    tracee.entry.outcome = FreezeOutcome::kNotStopped;
  } else {
    tracee.stop = Tracee::Stop::kGone;
    tracee.entry.outcome = FreezeOutcome::kGone;
  }
}

void note_event(Tracee& tracee, int status, bool at_once) {
  if (!WIFSTOPPED(status)) {
    tracee.stop = Tracee::Stop::kGone;
    tracee.entry.outcome = FreezeOutcome::kGone;
    return;
  }
  tracee.stop = Tracee::Stop::kStopped;
  // One that waited for a CPU anyway is not paused by us before it gets one. With real-time priority we see that
  // moment at once; without, the request is the only bound that is certain.
  if (at_once) tracee.stopped_ns = monotonic_ns();
  // Anything but PTRACE_EVENT_STOP is a signal on its way in: as good a place, and the signal must not be lost.
  tracee.signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
}

void read_registers(Tracee& tracee, RestartCalls restart) {
  user_regs_struct raw{};
  iovec io{&raw, sizeof raw};
  if (ptrace(PTRACE_GETREGSET, tracee.entry.tid, NT_PRSTATUS, &io) != 0 || io.iov_len < sizeof raw) {
    tracee.entry.outcome = FreezeOutcome::kNotStopped;  // another machine's registers, or gone this instant
    tracee.entry.error = errno;
    return;
  }
  const std::array<unsigned long long, kRegisterCount> in_order{raw.rax, raw.rdx, raw.rcx, raw.rbx, raw.rsi, raw.rdi,
                                                                raw.rbp, raw.rsp, raw.r8,  raw.r9,  raw.r10, raw.r11,
                                                                raw.r12, raw.r13, raw.r14, raw.r15, raw.rip};
  FrozenThread& entry = tracee.entry;
  for (size_t i = 0; i < kRegisterCount; ++i) entry.registers.set(static_cast<Register>(i), in_order[i]);
  entry.registers.set(Register::kFsBase, raw.fs_base);
  entry.outcome = FreezeOutcome::kCopied;
  entry.call = static_cast<long>(raw.orig_rax);
  if (entry.call < 0 || static_cast<int64_t>(raw.rax) != kErrnoInterrupted) return;
  bool again = restart == RestartCalls::kAll     ? can_start_again(entry.call)
               : restart == RestartCalls::kEpoll ? is_epoll_wait(entry.call)
                                                 : false;
  // Nothing was delivered; whether a handler runs after all, and the call ends, the kernel decides at the detach.
  if (again && tracee.signal == 0) {
    raw.rax = static_cast<unsigned long long>(kRestartNoHandler);
    entry.restarted_call = ptrace(PTRACE_SETREGSET, entry.tid, NT_PRSTATUS, &io) == 0;
  }
  entry.interrupted_call = !entry.restarted_call;
}

bool detach(Tracee& tracee) {
  bool released = ptrace(PTRACE_DETACH, tracee.entry.tid, nullptr, static_cast<uintptr_t>(tracee.signal)) == 0;
  tracee.entry.pause_ns = monotonic_ns() - tracee.stopped_ns;
  tracee.attached = false;
  return released;
}

void wait_for_event(int64_t until_ns) {
  int64_t left = until_ns - monotonic_ns();
  if (left <= 0) return;
  timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigtimedwait(&children, nullptr, &timeout);
}

}  // namespace ec
