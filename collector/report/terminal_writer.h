// Lines for a terminal: indented, wrapped to its width, coloured as a whole.
#pragma once

#include <string>
#include <string_view>

#include "collector/analysis/finding.h"
#include "collector/report/text_layout.h"

namespace ec {

class TerminalWriter {
 public:
  // columns 0 = unlimited.
  TerminalWriter(bool colour, int columns)
      : colour_(colour), columns_(columns > 0 ? static_cast<size_t>(columns) : 0) {}

  bool colour() const { return colour_; }
  size_t columns() const { return columns_; }
  void blank() { out_ += '\n'; }
  // "THREADS  …", bold.
  void heading(std::string_view text);
  // `lead` (coloured with `tone`) and `text` beside it; further lines of `text` are indented under its beginning.
  void item(std::string_view lead, std::string_view text, Tone tone = Tone::kNone, Tone text_tone = Tone::kNone);
  // One line, clipped instead of wrapped.
  void line(std::string_view text, Tone tone = Tone::kNone);
  std::string take() { return std::move(out_); }

 private:
  bool colour_;
  size_t columns_;
  std::string out_;
};

Tone tone_of(Severity severity);
Tone tone_of(Figure::Mark mark);

}  // namespace ec
