#include "collector/profile/row_index.h"

#include <cstring>
#include <random>

namespace ec {

namespace {

uint64_t seed() {
  static const uint64_t kSeed = [] {
    std::random_device device;
    return static_cast<uint64_t>(device()) << 32 | device();
  }();
  return kSeed;
}

}  // namespace

RowHash::RowHash() : seed_(seed()), state_(seed_) {}

RowHash& RowHash::add(std::string_view text) {
  add(text.size());
  while (!text.empty()) {
    uint64_t word = 0;
    size_t size = text.size() < sizeof word ? text.size() : sizeof word;
    std::memcpy(&word, text.data(), size);
    add(word);
    text.remove_prefix(size);
  }
  return *this;
}

void RowIndex::grow() {
  std::vector<Slot> old(slots_.empty() ? 64 : slots_.size() * 2);
  old.swap(slots_);
  size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.row == kEmpty) continue;
    size_t at = slot.hash & mask;
    while (slots_[at].row != kEmpty) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

}  // namespace ec
