#include "collector/snapshot/snapshot.h"

#include <array>
#include <utility>

namespace ec {

namespace {
constexpr std::array<std::pair<Status, std::string_view>, 5> kWords{{{Status::kOk, "ok"},
                                                                     {Status::kPartial, "partial"},
                                                                     {Status::kFailed, "failed"},
                                                                     {Status::kTimeout, "timeout"},
                                                                     {Status::kSkipped, "skipped"}}};
}  // namespace

std::string_view to_string(Status status) {
  for (auto& [value, word] : kWords)
    if (value == status) return word;
  return "failed";
}

std::optional<Status> status_from(std::string_view word) {
  for (auto& [value, known] : kWords)
    if (known == word) return value;
  return std::nullopt;
}

double Filesystem::used_percent() const {
  if (!size_bytes || !free_bytes || !available_bytes) return 0;
  auto used = static_cast<double>(*size_bytes - *free_bytes), available = static_cast<double>(*available_bytes);
  return used + available > 0 ? 100 * used / (used + available) : 0;
}

double Filesystem::inodes_used_percent() const {
  if (!inodes || !inodes_free || *inodes == 0) return 0;
  return 100 * static_cast<double>(*inodes - *inodes_free) / static_cast<double>(*inodes);
}

}  // namespace ec
