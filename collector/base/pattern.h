// Regular expressions in the syntax of RE2 and Go: what people type for `go tool pprof`, and what profiles say about
// the frames to drop. Patterns and texts may both be hostile: a match never takes more than cost() steps for each byte
// of the text, nothing recurses over the text, and there are no back references.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

class Pattern {
 public:
  // Errors: usage (what is wrong with the pattern, or that it is too large; classes of Unicode like \pL are not known).
  // `where` names it. Letters are folded by (?i) only in ASCII.
  static Result<Pattern> compile(std::string_view where, std::string_view text);

  // Whether it matches somewhere in `text`. Bytes that are no UTF-8 are U+FFFD each.
  bool found_in(std::string_view text) const;
  // The same for an expression that is not the user's own: what it takes is taken off `steps_left`, and when nothing is
  // left the answer is false.
  bool found_in(std::string_view text, size_t& steps_left) const;

 private:
  friend class PatternCompiler;
  enum class Op : uint8_t {
    kPoint,
    kAny,
    kAnyButNewline,
    kSet,
    kSplit,
    kBegin,
    kEnd,
    kLineBegin,
    kLineEnd,
    kWordEdge,
    kNoWordEdge,
    kMatch
  };
  // Places are relative to the step itself, so that pieces of code can be moved and repeated.
  struct Step {
    Op op;
    uint32_t value = 0;             // code point, or index into sets_
    int32_t first = 1, second = 0;  // where to go on; `second` only after kSplit
  };
  struct Set {
    std::vector<std::pair<uint32_t, uint32_t>> ranges;
    bool negated = false;
    bool has(uint32_t point) const;
  };
  struct Edge;
  class Threads;
  bool takes(const Step& step, uint32_t point) const;

  std::vector<Step> code_;
  std::vector<Set> sets_;
  std::string literal_;  // all of the pattern, when it is nothing but characters
  bool is_literal_ = false;
  bool begins_ = false;  // it can only match at the begin of the text
};

}  // namespace ec
