// Secrets in text: one pass over the bytes. Most bytes are none of the few that a rule begins at; a rule then looks at
// bounded surroundings, so that the whole stays linear.
#include <algorithm>
#include <array>

#include "collector/archive/redact_characters.h"
#include "collector/archive/redact_rules.h"

namespace ec::redaction {

namespace {

constexpr size_t kLongestKey = 96;
constexpr size_t kLongestWeakValue = 512;
constexpr auto npos = std::string_view::npos;

enum Trigger : uint8_t { kNone, kSeparator, kWordStart, kDash, kQuote, kGreater, kPercent, kAt, kBracket };

constexpr std::array<uint8_t, 256> kTriggers = [] {
  std::array<uint8_t, 256> table{};
  for (char c : std::string_view("AGSdehgnrsxyBbmp")) table[static_cast<unsigned char>(c)] = kWordStart;
  table[':'] = table['='] = kSeparator;
  table['-'] = kDash;
  table['\''] = table['"'] = kQuote;
  table['>'] = kGreater;
  table['%'] = kPercent;
  table['@'] = kAt;
  table['['] = kBracket;
  return table;
}();

class TextRules {
 public:
  TextRules(std::string_view text, std::vector<Span>& found) : text_(text), found_(found) {}

  void run() {
    const size_t size = text_.size();
    const PairSet& starts = shape_starts();
    for (size_t i = 0; i < size;) {
      auto byte = static_cast<unsigned char>(text_[i]);
      uint8_t trigger = kTriggers[byte];
      if (trigger == kNone) {
        ++i;
        continue;
      }
      if (trigger == kWordStart) {  // most of the triggers, so most of them end here
        auto second = static_cast<unsigned char>(i + 1 < size ? text_[i + 1] : 0);
        if (!(starts[size_t{byte} * 4 + second / 64] >> second % 64 & 1) || !word_begins(i)) {
          ++i;
          continue;
        }
      }
      i = std::max(at(static_cast<Trigger>(trigger), i), i + 1);
    }
  }

 private:
  // Where to go on; 0 = behind this byte.
  size_t at(Trigger trigger, size_t i) {
    switch (trigger) {
      case kSeparator:
        return separator(i, 1);
      case kWordStart:
        return word_start(i);
      case kDash:
        return dash(i);
      case kQuote:
        return sql_password(i);
      case kGreater:
        return xml_element(i);
      case kPercent:
        if (text_.substr(i).starts_with("%3D") || text_.substr(i).starts_with("%3d")) return separator(i, 3);
        return 0;
      case kAt:
        return go_dsn(i);
      case kBracket:
        return i + placeholder_length(text_.substr(i));
      case kNone:
        break;
    }
    return 0;
  }

  size_t hide(size_t begin, size_t end) {
    begin = std::max(begin, floor_);
    if (begin >= end) return 0;
    found_.push_back({begin, end});
    floor_ = end;
    return end;
  }
  bool word_begins(size_t i) const { return i == 0 || !is_alnum(text_[i - 1]); }
  char char_at(size_t i) const { return redaction::char_at(text_, i); }
  size_t skip_blanks(size_t i) const {
    while (i < text_.size() && is_blank(text_[i])) ++i;
    return i;
  }
  size_t end_of_line(size_t i) const { return redaction::end_of_line(text_, i); }
  size_t unquoted_end(size_t begin, size_t most = npos) const { return redaction::unquoted_end(text_, begin, most); }
  Span key_ending_at(size_t end) const {
    size_t begin = end, limit = std::max(floor_, end > kLongestKey ? end - kLongestKey : 0);
    while (begin > limit && is_key(text_[begin - 1])) --begin;
    return {begin, end};
  }
  std::string_view view(Span span) const { return text_.substr(span.begin, span.end - span.begin); }

  size_t word_start(size_t i);
  size_t dash(size_t i);
  size_t short_dash(size_t i);
  size_t sql_password(size_t i);
  size_t xml_element(size_t i);
  size_t go_dsn(size_t i);
  size_t url(size_t colon);
  size_t telegram(size_t colon);
  size_t separator(size_t i, size_t width);
  size_t value(KeyKind kind, Span key, size_t begin, char separator);
  size_t quoted_value(KeyKind kind, size_t begin, std::string_view close);
  size_t authorization(size_t begin, size_t end);
  KeyKind kind_of_named_value(Span key) const;

  std::string_view text_;
  std::vector<Span>& found_;
  size_t floor_ = 0;  // end of the last place
};

size_t TextRules::word_start(size_t i) {
  if (Shape shape = shape_at(text_, i); !shape.kind.empty()) return hide(shape.span.begin, shape.span.end);
  std::string_view rest = text_.substr(i);
  auto word_and_value = [&](std::string_view word) -> size_t {
    if (rest.size() <= word.size() || !same_word(rest.substr(0, word.size()), word) || !is_blank(rest[word.size()]))
      return 0;
    size_t begin = skip_blanks(i + word.size());
    return begin < text_.size() && !is_space(text_[begin]) ? begin : 0;
  };
  if (size_t begin = word_and_value("bearer")) {
    size_t end = unquoted_end(begin);
    std::string_view token = text_.substr(begin, end - begin);
    return looks_random(token) ? hide(begin, end) : 0;
  }
  if (size_t begin = word_and_value("basic")) {
    size_t end = unquoted_end(begin);
    return is_basic_credentials(text_.substr(begin, end - begin)) ? hide(begin, end) : 0;
  }
  for (std::string_view directive : {"requirepass", "masterauth"})  // redis.conf, CONFIG SET
    if (size_t begin = word_and_value(directive)) return value(KeyKind::kSecret, {i, i + directive.size()}, begin, ' ');
  return 0;
}

size_t TextRules::dash(size_t i) {
  if (i > 0 && is_alnum(text_[i - 1])) return 0;
  if (char_at(i + 1) != '-') return short_dash(i);
  if (text_.substr(i).starts_with("-----B")) {
    Shape shape = shape_at(text_, i);
    return shape.kind.empty() ? 0 : hide(shape.span.begin, shape.span.end);
  }
  if (text_.substr(i).starts_with("-----END ") && text_.substr(i, 60).find("PRIVATE KEY-----") != npos) {
    // The beginning was cut off: a tail of a log that starts within the block.
    size_t begin = i;
    while (begin > floor_ &&
           (is_alnum(text_[begin - 1]) || std::string_view("+/=\r\n\\").find(text_[begin - 1]) != npos))
      --begin;
    return hide(begin, i);
  }
  // "--password x" in a line of a log or in `sh -c`.
  size_t end = i + 2;
  while (end < text_.size() && end - i < kLongestKey && is_key(text_[end])) ++end;
  // ['--password', 'x'], as programs print their argument lists.
  bool listed = is_quote(char_at(end)) && i > 0 && text_[i - 1] == text_[end];
  if (!listed && !is_blank(char_at(end))) return 0;
  KeyKind kind = key_kind(text_.substr(i, end - i));
  size_t begin = skip_blanks(end + (listed ? 1 : 0));
  if (listed && char_at(begin) == ',') begin = skip_blanks(begin + 1);
  if (kind == KeyKind::kPlain || kind == KeyKind::kWeak || char_at(begin) == '-' || is_space(char_at(begin))) return 0;
  return value(kind, {i + 2, end}, begin, ' ');
}

// curl -u user:password; mysql -ppassword.
size_t TextRules::short_dash(size_t i) {
  if (i > 0 && !is_space(text_[i - 1]) && !is_quote(text_[i - 1])) return 0;
  if (char_at(i + 1) == 'u') {
    size_t begin = skip_blanks(i + 2), end = unquoted_end(begin);
    size_t colon = text_.substr(begin, end - begin).find(':');
    if (colon == npos || colon == 0 || text_.substr(begin + colon).starts_with("://")) return 0;
    std::string_view user = text_.substr(begin, colon),
                     password = text_.substr(begin + colon + 1, end - begin - colon - 1);
    if (std::all_of(user.begin(), user.end(), is_digit) && std::all_of(password.begin(), password.end(), is_digit))
      return 0;
    return is_harmless_value(password) ? 0 : hide(end - password.size(), end);
  }
  if (char_at(i + 1) != 'p' || is_space(char_at(i + 2))) return 0;
  size_t from = i > 400 ? i - 400 : 0;
  std::string_view before = text_.substr(from, i - from);
  if (size_t line = before.rfind('\n'); line != npos) before = before.substr(line);
  if (before.find("mysql") == npos && before.find("mariadb") == npos && before.find("sshpass") == npos) return 0;
  return hide(i + 2, unquoted_end(i + 2));
}

// ALTER ROLE bob PASSWORD 'x', IDENTIFIED BY 'x': servers log such statements.
size_t TextRules::sql_password(size_t i) {
  if (i < 3 || !(is_blank(text_[i - 1]) || text_[i - 1] == '(')) return 0;
  size_t end = i - 1;
  while (end > floor_ && is_blank(text_[end - 1])) --end;
  std::string_view word = view(key_ending_at(end));
  bool announces = same_word(word, "password") || same_word(word, "passphrase");
  if (same_word(word, "by") && end > 13) announces = same_word(text_.substr(end - 13, 13), "identified by");
  if (!announces) return 0;
  return quoted_value(KeyKind::kPhrase, i + 1, text_.substr(i, 1));
}

// <password>x</password>
size_t TextRules::xml_element(size_t i) {
  Span key = key_ending_at(i);
  if (key.begin == key.end || key.begin == 0) return 0;
  char before = text_[key.begin - 1];
  if (before != '<' && before != ':') return 0;
  KeyKind kind = key_kind(view(key));
  if (kind == KeyKind::kPlain) return 0;
  size_t end = text_.substr(0, std::min(text_.size(), i + 4096)).find('<', i + 1);
  // "vector<Token>::size()": arguments of a template.
  char outer = key.begin > 1 ? text_[key.begin - 2] : ' ';
  bool template_name = outer == ':' || (before == '<' && is_key(outer));
  if (template_name && (end == npos || char_at(end + 1) != '/')) return 0;
  if (end == npos) end = end_of_line(i);
  return is_secret_value(kind, text_.substr(i + 1, end - i - 1)) ? hide(i + 1, end) : 0;
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

// The name for which "value" stands: {"name":"DB_PASSWORD","value":"x"}, <add key="Password" value="x"/>.
KeyKind TextRules::kind_of_named_value(Span key) const {
  size_t end = key.begin, limit = std::max(floor_, end > 40 ? end - 40 : 0);
  while (end > limit && std::string_view(" ,\t\n\"'\\").find(text_[end - 1]) != npos) --end;
  // A quote or an escaped one must close the name.
  if (end == key.begin || !(is_quote(text_[end]) || text_[end] == '\\')) return KeyKind::kPlain;
  return key_kind(view(key_ending_at(end)));
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

}  // namespace

void find_in_text(std::string_view text, std::vector<Span>& found) { TextRules(text, found).run(); }

void find_in_authorization(std::string_view value, std::vector<Span>& found) {
  constexpr std::string_view kHeader = "Authorization: ";
  find_in_text(std::string(kHeader) + std::string(value), found);
  for (Span& place : found) {
    place.begin -= std::min(place.begin, kHeader.size());
    place.end -= std::min(place.end, kHeader.size());
  }
}

}  // namespace ec::redaction
