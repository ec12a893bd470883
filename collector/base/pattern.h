// Regular expressions in the syntax of RE2 and Go: what people type for `go tool pprof`, and what profiles say about
// the frames to drop. Patterns and texts may both be hostile: RE2 takes time in proportion to the text, whatever the
// pattern, and memory for a pattern and its automaton has a limit (below).
//
// Both are UTF-8. A byte of a text that is none is passed by \C only, where Go takes it for U+FFFD: neither . nor [^x]
// goes over it, but what is found on one side of it is found.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "collector/base/error.h"

namespace re2 {
class RE2;
}

namespace ec {

class Pattern {
 public:
  // Errors: usage (no regular expression, or one that is too large: more than 10,000 bytes, a count over 1000, also
  // where counts multiply, or 1 MiB of memory). `where` names it.
  static Result<Pattern> compile(std::string_view where, std::string_view text);

  // Whether it matches somewhere in `text`.
  bool found_in(std::string_view text) const;
  // The same for an expression that is not the user's own. Taken off `steps_left` is what it could take at worst: each
  // instruction of the compiled expression for each byte of `text` and for its end, 1 to 7 ns a step; most texts take a
  // hundredth of it. A text that could take more than is left is not looked at: the answer is false and 0 are left.
  bool found_in(std::string_view text, size_t& steps_left) const;

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}

  std::shared_ptr<const re2::RE2> compiled_;  // never changed, so copies share it
};

}  // namespace ec
