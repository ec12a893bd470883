// Names in text, and where the value of a name ends.
#include "collector/archive/redact_text.h"

namespace ec::redaction {

namespace {
constexpr size_t kLongestWeakValue = 512;
}

size_t TextRules::separator(size_t i, size_t width) {
  if (text_[i] == ':') {
    if (text_.substr(i).starts_with("://")) return url(i);
    if (size_t end = telegram(i)) return end;
    if (char_at(i + 1) == ':') return 0;  // "Token::new": a name of C++ or Rust
  }
  size_t key_end = i;
  for (int blanks = 0; blanks < 2 && key_end > floor_ && is_blank(text_[key_end - 1]); ++blanks) --key_end;
  if (key_end > floor_ && text_[key_end - 1] == ']') --key_end;
  bool quoted = key_end > floor_ && is_quote(text_[key_end - 1]);
  if (quoted) --key_end;
  if (quoted && key_end > floor_ && text_[key_end - 1] == '\\') --key_end;
  Span key = key_ending_at(key_end);
  if (key.end - key.begin < 2) return 0;
  KeyKind kind = key_kind(view(key));
  if (kind == KeyKind::kPlain && same_word(view(key), "value")) kind = kind_of_named_value(key);
  if (kind == KeyKind::kPlain) return 0;
  char before = key.begin > 0 ? text_[key.begin - 1] : '\n';
  // "open /run/secrets/token: no such file": the end of a path, not a key.
  if (before == '/' && text_[i] == ':' && !quoted) return 0;

  size_t begin = i + width;
  if (char_at(begin) == '=' || char_at(begin) == '>') ++begin;
  begin = skip_blanks(begin);
  std::string_view rest = text_.substr(begin, 3);
  bool block = !rest.empty() && (rest[0] == '|' || rest[0] == '>') &&
               is_space(char_at(begin + (char_at(begin + 1) == '-' ? 2 : 1)));
  if (text_[i] == ':' && block) {  // YAML: the value is on the next line
    begin = skip_blanks(std::min(end_of_line(begin) + 1, text_.size()));
    if (begin >= text_.size()) return 0;
    return value(KeyKind::kPhrase, key, begin, ':');
  }
  return value(kind, key, begin, text_[i]);
}

// The name for which "value" stands: {"name":"DB_PASSWORD","value":"x"}, <add key="Password" value="x"/>.
KeyKind TextRules::kind_of_named_value(Span key) const {
  size_t end = key.begin, limit = std::max(floor_, end > 40 ? end - 40 : 0);
  while (end > limit && std::string_view(" ,\t\n\"'\\").find(text_[end - 1]) != npos) --end;
  // A quote or an escaped one must close the name.
  if (end == key.begin || !(is_quote(text_[end]) || text_[end] == '\\')) return KeyKind::kPlain;
  return key_kind(view(key_ending_at(end)));
}

size_t TextRules::value(KeyKind kind, Span key, size_t begin, char separator) {
  if (begin >= text_.size() || text_[begin] == '\n' || text_[begin] == '\r') return 0;
  std::string_view name = view(key);
  char first = text_[begin];
  // sudo's "PWD=/root", "OLDPWD=/", and a test runner's "PASS: name".
  if (name.ends_with("PWD") && (first == '/' || first == '~')) return 0;
  if (name == "PASS" && separator == ':') return 0;
  if (kind == KeyKind::kPlural) kind = KeyKind::kWeak;  // "tokens: many" is a sentence
  if (size_t length = placeholder_length(text_.substr(begin))) return begin + length;
  if (text_.substr(begin).starts_with("-----B")) return 0;  // the block ends elsewhere than the line
  if (first == '{' && (is_space(char_at(begin + 1)) || is_quote(char_at(begin + 1)))) return 0;

  if (first == '\\' && is_quote(char_at(begin + 1))) return quoted_value(kind, begin + 2, text_.substr(begin, 2));
  // "passwd:amd64": a package.
  if (separator == ':' && begin == key.end + 1)
    for (std::string_view architecture : {"all", "amd64", "arm64", "armhf", "i386", "any"})
      if (text_.substr(begin).starts_with(architecture) && !is_key(char_at(begin + architecture.size()))) return 0;

  if (std::string_view("bBuUrRL@").find(first) != npos && is_quote(char_at(begin + 1))) first = text_[++begin];
  if (is_quote(first)) return quoted_value(kind, begin + 1, text_.substr(begin, 1));

  size_t end;
  bool whole_line = kind == KeyKind::kCookie || kind == KeyKind::kPhrase || kind == KeyKind::kAuthorization;
  if (first == '[') {  // Go prints headers as map[Cookie:[a=b]]
    ++begin;
    if (is_quote(char_at(begin))) return quoted_value(kind, begin + 1, text_.substr(begin, 1));
    end = std::min(text_.find(']', begin), end_of_line(begin));
  } else {
    // A weak name's value is looked at again when it is no secret: bounded, or "key=key=key=…" costs a square.
    bool weak = kind == KeyKind::kWeak;
    end = whole_line ? end_of_line(begin) : unquoted_end(begin, weak ? kLongestWeakValue : npos);
    if (char_at(end) == '}' && text_.substr(begin, end - begin).starts_with("${")) ++end;
    // 'Cookie: a=b; c=d' ends with the quote that opened before its name.
    char opener = key.begin > 0 ? text_[key.begin - 1] : '\n';
    if (whole_line && is_quote(opener)) end = std::min(end, text_.find(opener, begin));
  }
  if (kind == KeyKind::kAuthorization) return authorization(begin, end);
  if (!is_secret_value(kind, text_.substr(begin, end - begin))) return 0;
  return hide(begin, end);
}

size_t TextRules::quoted_value(KeyKind kind, size_t begin, std::string_view close) {
  if (text_.substr(begin).starts_with("-----B")) return 0;
  size_t line_end = end_of_line(begin), end = begin;
  for (; end < line_end; ++end) {
    if (text_.substr(end).starts_with(close)) break;
    if (text_[end] == '\\') ++end;
  }
  end = std::min(end, line_end);
  if (kind == KeyKind::kAuthorization) return authorization(begin, end);
  return is_secret_value(kind, text_.substr(begin, end - begin)) ? hide(begin, end) : 0;
}

// The scheme stays: "Bearer [redacted…]".
size_t TextRules::authorization(size_t begin, size_t end) {
  size_t word_end = begin;
  while (word_end < end && !is_space(text_[word_end])) ++word_end;
  std::string_view scheme = text_.substr(begin, word_end - begin);
  size_t secret = skip_blanks(word_end);
  size_t placeholder = placeholder_length(text_.substr(secret));
  for (std::string_view known : {"bearer", "basic", "token", "apikey", "negotiate", "ntlm", "key", "ssws", "splunk"}) {
    if (!same_word(scheme, known)) continue;
    if (secret >= end) return 0;
    if (placeholder > 0) return secret + placeholder;
    size_t secret_end = std::min(end, unquoted_end(secret));
    return is_harmless_value(text_.substr(secret, secret_end - secret)) ? secret_end : hide(secret, secret_end);
  }
  for (std::string_view known : {"digest", "aws4-hmac-sha256", "hawk", "oauth", "signature"})
    if (same_word(scheme, known) && secret < end) return placeholder > 0 ? secret + placeholder : hide(secret, end);
  word_end = std::min(end, unquoted_end(begin));
  return is_harmless_value(text_.substr(begin, word_end - begin)) ? word_end : hide(begin, word_end);
}

}  // namespace ec::redaction
