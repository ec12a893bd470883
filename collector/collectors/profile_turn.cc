#include "collector/collectors/profile_turn.h"

#include <sys/mman.h>

#include <atomic>
#include <new>
#include <thread>

namespace ec {

namespace {
enum State { kNobodyLooks, kLooking, kPulling, kGiven };
}  // namespace

struct ProfileTurn::Board {
  std::atomic<int> state{kNobodyLooks};
};

ProfileTurn::ProfileTurn() {
  void* memory = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) board_ = new (memory) Board;
}

ProfileTurn::~ProfileTurn() {
  if (board_) munmap(board_, sizeof(Board));
}

// Once given, a profile stays given.
void ProfileTurn::set(int state) {
  if (board_ && board_->state != kGiven) board_->state = state;
}

void ProfileTurn::expect() { set(kLooking); }
void ProfileTurn::pulling() { set(kPulling); }
void ProfileTurn::refused() { set(kLooking); }
void ProfileTurn::given() { set(kGiven); }
void ProfileTurn::ended() { set(kNobodyLooks); }

ProfileTurn::Answer ProfileTurn::wait(Deadline latest) const {
  if (!board_) return Answer::kOurs;
  auto undecided = [](int state) { return state == kLooking || state == kPulling; };
  while (undecided(board_->state) && !latest.passed()) std::this_thread::sleep_for(milliseconds(5));
  int state = board_->state;
  return state == kGiven ? Answer::kGiven : state == kPulling ? Answer::kStillPulling : Answer::kOurs;
}

}  // namespace ec
