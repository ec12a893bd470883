// Checked reading of text: lines with their numbers, fields, numbers. Used by every parser of /proc and /sys.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

// The whole of `text` as a number, nothing before or after it; nothing on overflow.
template <std::integral T>
std::optional<T> parse_number(std::string_view text, int base = 10) {
  T value{};
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (problem != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}
std::optional<double> parse_double(std::string_view text);  // finite

std::string_view trim(std::string_view text);  // spaces, tabs, CR, LF, NUL at both ends

// Fields separated by runs of spaces and tabs. The views point into `line`.
std::vector<std::string_view> split_fields(std::string_view line);
// Parts between single separators, empty ones included.
std::vector<std::string_view> split(std::string_view text, char separator);

// Walks over lines. `where` names the text in errors ("/proc/42/maps").
class LineCursor {
 public:
  LineCursor(std::string_view where, std::string_view text) : where_(where), rest_(text) {}

  // The next line without its newline; nothing at the end. An empty last line does not count.
  std::optional<std::string_view> next();
  int line_number() const { return line_number_; }  // of the line that next() gave last, from 1
  // malformed, at where:line.
  Error expected(std::string_view what) const;

 private:
  std::string_view where_;
  std::string_view rest_;
  int line_number_ = 0;
};

// Walks over the fields of one line: numbers and words, in order.
class FieldCursor {
 public:
  explicit FieldCursor(std::string_view line) : rest_(line) {}

  std::optional<std::string_view> word();
  template <std::integral T>
  std::optional<T> number(int base = 10) {
    auto field = word();
    return field ? parse_number<T>(*field, base) : std::nullopt;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

// Valid UTF-8 and no control characters except \n and \t: each other byte becomes U+FFFD. Safe to print and to put in
// JSON.
std::string printable_utf8(std::string_view bytes);
// printable_utf8 on one line: newlines become spaces, and at most `limit` bytes stay (cut at a character, "…"
// appended).
std::string printable_line(std::string_view bytes, size_t limit = 400);

// Undoes the octal escapes \040 \011 \012 \134 of /proc/mounts, mountinfo, maps and swaps.
std::string unescape_octal(std::string_view text);

// "1.5 GiB", "312 KiB", "17 B".
std::string human_bytes(double bytes);
// "3 d 4 h", "2 h 5 min", "12.3 s", "4.1 ms".
std::string human_duration(double seconds);

}  // namespace ec
