#include "collector/stacks/signal_mask.h"

#include <catch2/catch.hpp>
#include <csignal>

namespace ec {

TEST_CASE("signal mask: left alone while one keeps it, and only then") {
  sigset_t user, before, now;
  sigemptyset(&user);
  sigaddset(&user, SIGUSR2);
  REQUIRE(pthread_sigmask(SIG_SETMASK, nullptr, &before) == 0);
  REQUIRE(sigismember(&before, SIGUSR2) == 0);
  {
    SignalMaskKept kept;
    { SignalMaskKept nested; }
    sigset_t old;
    sigfillset(&old);
    CHECK(sigprocmask(SIG_BLOCK, &user, &old) == 0);
    CHECK(sigismember(&old, SIGUSR2) == 0);
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    CHECK(sigismember(&now, SIGUSR2) == 0);
  }
  CHECK(sigprocmask(SIG_BLOCK, &user, nullptr) == 0);
  pthread_sigmask(SIG_SETMASK, &before, &now);
  CHECK(sigismember(&now, SIGUSR2) == 1);
  CHECK(sigprocmask(-1, &user, nullptr) == -1);
  CHECK(errno == EINVAL);
}

}  // namespace ec
