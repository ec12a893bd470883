#include "collector/base/pattern.h"

#include <algorithm>
#include <utility>

#include "collector/base/utf8.h"

namespace ec {

namespace {

bool is_word(uint32_t point) {
  return (point >= '0' && point <= '9') || (point >= 'A' && point <= 'Z') || point == '_' ||
         (point >= 'a' && point <= 'z');
}

constexpr uint32_t kNothing = UINT32_MAX;  // before the first character, behind the last

}  // namespace

bool Pattern::Set::has(uint32_t point) const {
  bool inside = std::any_of(ranges.begin(), ranges.end(),
                            [&](const auto& range) { return point >= range.first && point <= range.second; });
  return inside != negated;
}

bool Pattern::takes(const Step& step, uint32_t point) const {
  switch (step.op) {
    case Op::kPoint:
      return point == step.value;
    case Op::kAny:
      return true;
    case Op::kAnyButNewline:
      return point != '\n';
    case Op::kSet:
      return sets_[step.value].has(point);
    default:
      return false;
  }
}

// What is on both sides of a place in the text.
struct Pattern::Edge {
  uint32_t before, behind;
  bool allows(Op op) const {
    switch (op) {
      case Op::kBegin:
        return before == kNothing;
      case Op::kEnd:
        return behind == kNothing;
      case Op::kLineBegin:
        return before == kNothing || before == '\n';
      case Op::kLineEnd:
        return behind == kNothing || behind == '\n';
      case Op::kWordEdge:
        return is_word(before) != is_word(behind);
      case Op::kNoWordEdge:
        return is_word(before) == is_word(behind);
      default:
        return false;
    }
  }
};

// Thompson's simulation: the set of steps that the text so far could have led to, each at most once.
class Pattern::Threads {
 public:
  explicit Threads(const std::vector<Step>& code) : code_(&code), seen_(code.size(), 0) {}

  void begin() {
    ++round_;
    steps_.clear();
  }
  // Follows what takes no character. True when that leads to a match.
  bool add(size_t step, const Edge& edge) {
    open_.assign(1, step);
    while (!open_.empty()) {
      size_t at = open_.back();
      open_.pop_back();
      ++work_;
      if (seen_[at] == round_) continue;
      seen_[at] = round_;
      const Step& one = (*code_)[at];
      if (one.op == Op::kMatch) return true;
      if (one.op == Op::kSplit) {
        open_.push_back(to(at, one.second));
        open_.push_back(to(at, one.first));
      } else if (one.op >= Op::kBegin) {
        if (edge.allows(one.op)) open_.push_back(at + 1);
      } else {
        steps_.push_back(at);
      }
    }
    return false;
  }
  const std::vector<size_t>& steps() const { return steps_; }
  // What was done since this was asked last.
  size_t take_work() { return std::exchange(work_, steps_.size()); }

 private:
  static size_t to(size_t at, int32_t by) { return static_cast<size_t>(static_cast<std::ptrdiff_t>(at) + by); }

  const std::vector<Step>* code_;
  std::vector<uint64_t> seen_;  // the round in which a step was added last
  std::vector<size_t> steps_, open_;
  uint64_t round_ = 0;
  size_t work_ = 0;
};

bool Pattern::found_in(std::string_view text) const {
  size_t endless = SIZE_MAX;
  return found_in(text, endless);
}

bool Pattern::found_in(std::string_view text, size_t& steps_left) const {
  if (is_literal_) return text.find(literal_) != std::string_view::npos;
  auto spent = [&](size_t work) {
    if (steps_left == SIZE_MAX) return false;
    steps_left -= std::min(work, steps_left);
    return steps_left == 0;
  };
  if (spent(code_.size() / 8)) return false;  // to make room for it
  Threads now(code_), next(code_);
  size_t at = 0;
  uint32_t before = kNothing;
  now.begin();
  while (true) {
    size_t behind_at = at;
    uint32_t point = at < text.size() ? next_point(text, behind_at) : kNothing;
    if ((at == 0 || !begins_) && now.add(0, {before, point})) return true;
    if (point == kNothing || (begins_ && now.steps().empty())) return false;
    if (spent(1 + now.take_work())) return false;
    size_t after = behind_at;
    Edge edge{point, after < text.size() ? next_point(text, after) : kNothing};
    next.begin();
    for (size_t step : now.steps())
      if (takes(code_[step], point) && next.add(step + 1, edge)) return true;
    std::swap(now, next);
    at = behind_at;
    before = point;
  }
}

}  // namespace ec
