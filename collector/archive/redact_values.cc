// Where a value ends that no quote encloses. Passwords hold commas, semicolons and brackets: those end a value only
// when what follows shows that they do.
#include "collector/archive/redact_characters.h"

namespace ec::redaction {

namespace {

// Whether the ',', ';' or '&' at `i` ends a value: what follows is another "key=", or nothing.
bool delimiter_ends(std::string_view text, size_t i) {
  size_t at = i + 1;
  if (at >= text.size() || is_space(text[at]) || is_closer(text[at]) || text[at] == '\\') return true;
  if (!is_alnum(text[at]) && text[at] != '_') return false;
  for (size_t limit = std::min(text.size(), at + 40); at < limit; ++at) {
    if (text[at] == '=' || text[at] == ':') return true;
    if (!is_key(text[at]) && text[at] != ' ') return false;
  }
  return false;
}

}  // namespace

size_t unquoted_end(std::string_view text, size_t begin, size_t most) {
  size_t i = begin;
  const size_t limit = most < text.size() - begin ? begin + most : text.size();
  for (; i < limit && !is_space(text[i]); ++i) {
    char c = text[i];
    if ((c == ',' || c == ';' || c == '&') && delimiter_ends(text, i)) break;
    if (c == '\\' && is_quote(char_at(text, i + 1))) break;
    if (c == '<' && char_at(text, i + 1) == '/') break;
    if (c == '%' && text.substr(i).starts_with("%26")) break;
    if (is_closer(c)) {
      char next = char_at(text, i + 1);
      if (is_space(next) || is_closer(next) || std::string_view(",;:.&|<\\").find(next) != std::string_view::npos)
        break;
    }
  }
  return i;
}

}  // namespace ec::redaction
