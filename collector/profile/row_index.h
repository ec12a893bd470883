// Finds rows of a growing table by their content, without a copy of it: a hash table of row numbers. The hashes are
// seeded once per process, so that nobody can choose content that falls into one slot.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace ec {

class RowHash {
 public:
  RowHash();
  RowHash& add(uint64_t value) {
    state_ = (state_ ^ value) * kMultiplier;
    state_ = (state_ ^ state_ >> 32 ^ seed_) * kMultiplier;
    return *this;
  }
  RowHash& add(std::string_view text);
  uint64_t value() const { return state_ ^ state_ >> 32; }

 private:
  static constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio
  uint64_t seed_, state_;
};

class RowIndex {
 public:
  // The row with this hash that `same(row)` accepts; else `next`, which is then in the table.
  template <class Same>
  uint32_t find_or_add(uint64_t hash, uint32_t next, Same same) {
    if (2 * (used_ + 1) > slots_.size()) grow();
    size_t mask = slots_.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      Slot& slot = slots_[at];
      if (slot.row == kEmpty) {
        slot = {hash, next};
        ++used_;
        return next;
      }
      if (slot.hash == hash && same(slot.row)) return slot.row;
    }
  }

 private:
  static constexpr uint32_t kEmpty = UINT32_MAX;
  struct Slot {
    uint64_t hash = 0;
    uint32_t row = kEmpty;
  };
  void grow();

  std::vector<Slot> slots_;
  size_t used_ = 0;
};

}  // namespace ec
