// A part of what was learned: a value, or the reason why there is none. Never a default value in disguise.
#pragma once

#include <optional>
#include <utility>

#include "collector/base/error.h"

namespace ec {

template <class T>
class Part {
 public:
  Part() = default;  // "not collected"
  Part(T value) : value_(std::move(value)) {}
  Part(Error why) : why_(std::move(why)) {}
  Part(Result<T> result) {
    if (result)
      value_ = std::move(*result);
    else
      why_ = std::move(result.error());
  }

  explicit operator bool() const { return value_.has_value(); }
  bool has_value() const { return value_.has_value(); }
  // Condition for all four: has_value().
  const T& operator*() const { return *value_; }
  T& operator*() { return *value_; }
  const T* operator->() const { return &*value_; }
  T* operator->() { return &*value_; }

  T value_or(T fallback) const { return value_.value_or(std::move(fallback)); }
  // Condition: !has_value().
  const Error& why() const { return why_; }

 private:
  std::optional<T> value_;
  Error why_{ErrorCode::kSkipped, "", "not collected", 0};
};

}  // namespace ec
