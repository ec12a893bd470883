// Kinds of characters that the rules look at. Private to this layer.
#pragma once

#include <algorithm>
#include <string_view>

namespace ec::redaction {

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline bool is_key(char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; }
inline bool is_blank(char c) { return c == ' ' || c == '\t'; }
inline bool is_space(char c) { return is_blank(c) || c == '\n' || c == '\r' || c == '\0' || c == '\v' || c == '\f'; }
inline bool is_quote(char c) { return c == '"' || c == '\'' || c == '`'; }
inline bool is_closer(char c) { return is_quote(c) || c == ')' || c == ']' || c == '}' || c == '>'; }
inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

inline bool same_word(std::string_view text, std::string_view lower_case) {
  return text.size() == lower_case.size() &&
         std::equal(text.begin(), text.end(), lower_case.begin(), [](char a, char b) { return lower(a) == b; });
}

inline char char_at(std::string_view text, size_t i) { return i < text.size() ? text[i] : '\n'; }
inline size_t end_of_line(std::string_view text, size_t begin) {
  return std::min(text.find_first_of(std::string_view("\n\r\0", 3), begin), text.size());
}

// Where a value that begins at `begin` without a quote ends; at most `most` bytes on.
size_t unquoted_end(std::string_view text, size_t begin, size_t most = std::string_view::npos);

}  // namespace ec::redaction
