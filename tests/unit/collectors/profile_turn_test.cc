#include "collector/collectors/profile_turn.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace ec;
using Answer = ProfileTurn::Answer;

TEST_CASE("nobody waits for an endpoint that nobody looks for") {
  ProfileTurn turn;
  CHECK(turn.wait(Deadline::never()) == Answer::kOurs);
}

TEST_CASE("a profile that another process is given is not taken a second time") {
  ProfileTurn turn;
  turn.expect();
  pid_t child = fork();
  if (child == 0) {
    turn.pulling();
    turn.given();
    turn.ended();
    _exit(0);
  }
  CHECK(turn.wait(Deadline::in(std::chrono::seconds(30))) == Answer::kGiven);
  waitpid(child, nullptr, 0);
}

TEST_CASE("an endpoint that refuses leaves the profile to us, when it has ended") {
  ProfileTurn turn;
  turn.expect();
  turn.pulling();
  CHECK(turn.wait(Deadline::in(milliseconds(0))) == Answer::kStillPulling);
  turn.refused();
  CHECK(turn.wait(Deadline::in(milliseconds(0))) == Answer::kOurs);  // no more time to wait
  turn.ended();
  CHECK(turn.wait(Deadline::never()) == Answer::kOurs);
}
