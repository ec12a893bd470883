#include "collector/runtimes/go_stack.h"

#include <algorithm>
#include <cstring>

namespace ec {

namespace {

constexpr size_t kMostFrames = 256;
constexpr uint64_t kNextCopy = 64 * 1024;
constexpr int kMostCopies = 16;
constexpr size_t kMostKnownFrames = 1'000'000;

}  // namespace

GoStackWalker::Frame GoStackWalker::frame_at(uint64_t pc) {
  if (auto known = frames_.find(pc); known != frames_.end()) return known->second;
  Frame frame;
  if (auto function = program_.functions.at(pc - program_.bias)) {
    frame.first = function->begins_a_stack;
    auto size = program_.functions.frame_size(*function, pc - program_.bias);
    frame.known = size.has_value();
    frame.size = size.value_or(0);
  }
  if (frames_.size() < kMostKnownFrames) frames_.emplace(pc, frame);
  return frame;
}

GoPcStack GoStackWalker::walk(uint64_t pc, uint64_t sp, uint64_t stack_end, std::string_view copy) {
  GoPcStack stack;
  uint64_t copy_begin = sp;
  int copies = 0;
  while (stack.pcs.size() < kMostFrames) {
    stack.pcs.push_back(pc);
    Frame frame = frame_at(pc);
    if (frame.first) {
      stack.whole = true;
      return stack;
    }
    uint64_t at = sp + frame.size;
    if (!frame.known || at < sp || at >= stack_end || stack_end - at < 8) return stack;
    if (at - copy_begin + 8 > copy.size()) {
      if (++copies > kMostCopies) return stack;
      more_.resize(std::min(kNextCopy, stack_end - at));
      more_.resize(memory_.read(at, more_.data(), more_.size()));
      if (more_.size() < 8) return stack;
      copy = more_;
      copy_begin = at;
    }
    std::memcpy(&pc, copy.data() + (at - copy_begin), sizeof pc);
    sp = at + 8;
  }
  return stack;
}

}  // namespace ec
