#include "collector/stacks/signal_mask.h"

#include <cerrno>
#include <csignal>

namespace {

thread_local bool t_kept = false;

}  // namespace

// Stands before that of the C library for the whole program, and does the same outside of SignalMaskKept.
extern "C" int sigprocmask(int how, const sigset_t* set, sigset_t* old) noexcept {
  if (t_kept) {
    if (old) sigemptyset(old);
    return 0;
  }
  int problem = pthread_sigmask(how, set, old);
  if (problem == 0) return 0;
  errno = problem;
  return -1;
}

namespace ec {

SignalMaskKept::SignalMaskKept() : before_(t_kept) { t_kept = true; }
SignalMaskKept::~SignalMaskKept() { t_kept = before_; }

}  // namespace ec
