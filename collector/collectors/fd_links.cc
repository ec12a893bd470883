#include "collector/collectors/fd_links.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <new>
#include <thread>

#include "collector/base/clock.h"

namespace ec {

namespace {

constexpr size_t kRoom = 32u << 20;  // 200,000 descriptors with paths of 150 bytes; only what is used takes memory

enum State : uint32_t { kNobody, kExpected, kComplete };

struct Head {
  int32_t fd;
  uint32_t length;
};

}  // namespace

struct FdLinks::Board {
  std::atomic<uint32_t> state{kNobody};
  std::atomic<bool> full{false};
  std::atomic<size_t> used{0};
  char bytes[kRoom];  // not initialised: that would take all of it
};

FdLinks::FdLinks() {
  void* memory =
      mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory != MAP_FAILED) board_ = new (memory) Board;
}

FdLinks::~FdLinks() {
  if (board_) munmap(board_, sizeof(Board));
}

void FdLinks::expect() {
  if (board_) board_->state = kExpected;
}

bool FdLinks::claim() {
  uint32_t nobody = kNobody;
  return board_ && board_->state.compare_exchange_strong(nobody, kExpected);
}

void FdLinks::clear() {
  if (!board_) return;
  board_->state = kExpected;
  board_->used = 0;
  board_->full = false;
}

void FdLinks::add(int fd, std::string_view text) {
  if (!board_ || board_->full) return;
  size_t at = board_->used;
  Head head{fd, static_cast<uint32_t>(text.size())};
  if (kRoom - at < sizeof head + text.size()) {
    board_->full = true;
    return;
  }
  std::memcpy(board_->bytes + at, &head, sizeof head);
  std::memcpy(board_->bytes + at + sizeof head, text.data(), text.size());
  board_->used = at + sizeof head + text.size();
}

void FdLinks::publish() {
  if (board_) board_->state = board_->full ? kNobody : kComplete;
}

void FdLinks::give_up() {
  if (board_) board_->state = kNobody;
}

bool FdLinks::wait(std::chrono::milliseconds longest) const {
  if (!board_) return false;
  auto until = Clock::now() + longest;
  while (board_->state == kExpected && Clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return board_->state == kComplete;
}

void FdLinks::each(const std::function<bool(int fd, std::string_view text)>& visit) const {
  if (!board_) return;
  for (size_t at = 0, end = board_->used; at + sizeof(Head) <= end;) {
    Head head;
    std::memcpy(&head, board_->bytes + at, sizeof head);
    at += sizeof head;
    if (head.length > end - at || !visit(head.fd, {board_->bytes + at, head.length})) return;
    at += head.length;
  }
}

}  // namespace ec
