// Finds the rows of a profile by the ids that the writer chose: mostly 1, 2, 3 …, but any 64-bit number may be one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace ec {

class IdIndex {
 public:
  // Of rows with a member `id`. Gives an id that is wrong, when there is one: 0, or one that two rows have.
  template <class Row>
  std::optional<uint64_t> build(const std::vector<Row>& rows) {
    uint64_t largest = 0;
    for (const Row& row : rows) {
      if (row.id == 0) return 0;
      largest = std::max<uint64_t>(largest, row.id);
    }
    if (largest / 4 <= rows.size()) return build_dense(rows, largest);
    sparse_.reserve(rows.size());
    for (const Row& row : rows) sparse_.emplace_back(row.id, static_cast<uint32_t>(sparse_.size()));
    std::sort(sparse_.begin(), sparse_.end());
    for (size_t i = 1; i < sparse_.size(); ++i)
      if (sparse_[i].first == sparse_[i - 1].first) return sparse_[i].first;
    return std::nullopt;
  }

  std::optional<uint32_t> find(uint64_t id) const {
    if (id < dense_.size()) return dense_[id] == kNone ? std::nullopt : std::optional(dense_[id]);
    auto place = std::lower_bound(sparse_.begin(), sparse_.end(), std::pair<uint64_t, uint32_t>(id, 0));
    return place != sparse_.end() && place->first == id ? std::optional(place->second) : std::nullopt;
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  template <class Row>
  std::optional<uint64_t> build_dense(const std::vector<Row>& rows, uint64_t largest) {
    dense_.assign(static_cast<size_t>(largest) + 1, kNone);
    for (uint32_t i = 0; i < rows.size(); ++i) {
      if (dense_[rows[i].id] != kNone) return rows[i].id;
      dense_[rows[i].id] = i;
    }
    return std::nullopt;
  }

  std::vector<uint32_t> dense_;                        // by id
  std::vector<std::pair<uint64_t, uint32_t>> sparse_;  // sorted, when ids are far apart
};

}  // namespace ec
