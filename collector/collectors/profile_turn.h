// Who takes the CPU profile, in memory that all helpers of a run share. Two profilers at one time would be one too
// many: the target's own goes first, and ours begins when it is certain that there is none.
#pragma once

#include "collector/base/clock.h"

namespace ec {

class ProfileTurn {
 public:
  ProfileTurn();  // must come before the helpers are forked; without memory nobody waits for anybody
  ~ProfileTurn();
  ProfileTurn(const ProfileTurn&) = delete;
  ProfileTurn& operator=(const ProfileTurn&) = delete;

  // For the endpoint collector and who runs it.
  void expect();   // it will look for a profile of the target's own
  void pulling();  // and is being given one now
  void refused();  // it was given none
  void given();    // a whole one
  void ended();    // it looks no further

  enum class Answer { kOurs, kGiven, kStillPulling };
  // Waits until it is known, or until `latest`: an endpoint that has not answered by then is not going to. Never waits
  // where nobody looks for a profile.
  Answer wait(Deadline latest) const;

 private:
  struct Board;
  void set(int state);
  Board* board_ = nullptr;
};

}  // namespace ec
