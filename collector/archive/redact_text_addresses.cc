// Secrets in addresses: of a URL, of a database, of a bot.
#include "collector/archive/redact_text.h"

namespace ec::redaction {

// scheme://user:password@host. A password may hold '/' and '#' although it should not.
size_t TextRules::url(size_t colon) {
  Span scheme = key_ending_at(colon);
  if (scheme.begin == scheme.end) return 0;
  size_t begin = colon + 3, end = begin, authority_end = npos, at = npos;
  for (; end < text_.size() && end - begin < 4096; ++end) {
    char c = text_[end];
    if (is_space(c) || is_quote(c) || c == '<' || c == '>') break;
    if (c == ':' && text_.substr(end).starts_with("://")) break;  // a URL within the URL is found by itself
    if (authority_end == npos && (c == '/' || c == '?' || c == '#')) authority_end = end;
    if (c == '@') at = end;
  }
  if (at == npos) return 0;
  if (authority_end == npos) authority_end = end;
  std::string_view authority = text_.substr(begin, authority_end - begin);
  bool web = view(scheme).starts_with("http") || view(scheme).starts_with("ws");
  size_t in_authority = authority.rfind('@');
  if (in_authority != npos) {
    at = begin + in_authority;
  } else {
    // user:pass/word@host, but not host:8080/path/@scope and not [::1]:80.
    size_t last = authority.rfind(':');
    if (last == npos || authority.starts_with('[')) return 0;
    std::string_view port = authority.substr(last + 1);
    if (std::all_of(port.begin(), port.end(), is_digit) && web) return 0;
  }
  size_t password = text_.substr(0, at).find(':', begin);
  if (password == npos) {
    // https://TOKEN@host; but ssh://git@host.
    return web && at - begin >= 16 ? hide(begin, at) : 0;
  }
  if (password - begin >= 20 && web) hide(begin, password);  // a token in the place of the user
  if (is_harmless_value(text_.substr(password + 1, at - password - 1))) return at;
  return hide(password + 1, at);
}

// user:password@tcp(host:3306)/db
size_t TextRules::go_dsn(size_t i) {
  std::string_view rest = text_.substr(i + 1, 6);
  if (!rest.starts_with("tcp(") && !rest.starts_with("tcp6(") && !rest.starts_with("unix(")) return 0;
  size_t limit = std::max(floor_, i > 256 ? i - 256 : 0), colon = npos;
  for (size_t at = i; at > limit && !is_space(text_[at - 1]) && !is_quote(text_[at - 1]); --at)
    if (text_[at - 1] == ':') colon = at - 1;
  if (colon == npos || is_harmless_value(text_.substr(colon + 1, i - colon - 1))) return 0;
  return hide(colon + 1, i);
}

// 123456789:AAE…: the token of a Telegram bot.
size_t TextRules::telegram(size_t colon) {
  if (colon < 8 || !text_.substr(colon + 1).starts_with("AA")) return 0;
  size_t begin = colon, end = colon + 1;
  while (begin > floor_ && colon - begin < 11 && is_digit(text_[begin - 1])) --begin;
  while (end < text_.size() && (is_alnum(text_[end]) || text_[end] == '_' || text_[end] == '-')) ++end;
  return colon - begin >= 8 && end - colon > 30 ? hide(begin, end) : 0;
}

}  // namespace ec::redaction
