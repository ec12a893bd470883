// Laying out text of hostile origin: Markdown that stays text, terminal lines of the right width, plain tables.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ec {

// One printable line: printable_line() and no characters that change the direction of text or have no width of their
// own (they make a terminal show something else than what is there).
std::string plain_line(std::string_view text, size_t limit = 400);

// As Markdown text that shows exactly `text`: no markup, no HTML, no link. One line.
std::string markdown_text(std::string_view text, size_t limit = 2000);
// The same for text that never begins a line (a table cell): "0.5" and "-" need no escape there.
std::string markdown_cell(std::string_view text, size_t limit = 2000);
// As a code span, whatever backticks are in it. One line.
std::string markdown_code(std::string_view text, size_t limit = 400);

// Columns that a terminal uses for valid UTF-8 text: East Asian wide and emoji 2, combining marks 0.
size_t display_width(std::string_view text);
// At most `columns` wide (0 = unlimited); "…" marks the cut.
std::string clip(std::string_view text, size_t columns);
std::string padded(std::string_view text, size_t columns);       // spaces appended
std::string padded_left(std::string_view text, size_t columns);  // spaces before
// Lines of at most `columns` (0 = one line), broken at spaces, within words only where a word is longer.
std::vector<std::string> wrap(std::string_view text, size_t columns);

enum class Tone { kNone, kBold, kDim, kRed, kYellow, kGreen, kCyan, kAlarm };
// ANSI escapes around `text`; `text` itself when not `colour`.
std::string toned(std::string_view text, Tone tone, bool colour);

// A plain table: columns as wide as their widest cell, numbers right-aligned when the header begins with '>'.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header);
  // Cells are made plain lines; missing ones stay empty.
  void row(std::vector<std::string> cells);
  size_t rows() const { return rows_.size(); }
  std::string text() const;

 private:
  std::vector<std::string> header_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace ec
