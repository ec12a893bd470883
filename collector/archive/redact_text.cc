// The pass over the bytes, and the words, options and statements that stand before a secret.
#include "collector/archive/redact_text.h"

namespace ec::redaction {

constinit const std::array<uint8_t, 256> TextRules::kTriggers = [] {
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

void TextRules::run() {
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

size_t TextRules::at(Trigger trigger, size_t i) {
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
