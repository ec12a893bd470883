// libunwind 1.6 blocks all signals around each look into its caches, with two system calls for a step from the cache
// and seven for any other: several times the cost of the step. It does so for programs that unwind in signal handlers;
// we have none.
#pragma once

namespace ec {

// While one lives, sigprocmask(2) does nothing in this thread: it succeeds, and reports an empty mask.
class SignalMaskKept {
 public:
  SignalMaskKept();
  ~SignalMaskKept();
  SignalMaskKept(const SignalMaskKept&) = delete;
  SignalMaskKept& operator=(const SignalMaskKept&) = delete;

 private:
  bool before_;
};

}  // namespace ec
