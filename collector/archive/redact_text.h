// Secrets in text: one pass over the bytes. Most bytes are none of the few that a rule begins at; a rule then looks at
// bounded surroundings, so that the whole stays linear.
#pragma once

#include <algorithm>
#include <array>

#include "collector/archive/redact_characters.h"
#include "collector/archive/redact_rules.h"

namespace ec::redaction {

// Private to redact_text*.cc: what each of them is about is at its begin.
class TextRules {
 public:
  TextRules(std::string_view text, std::vector<Span>& found) : text_(text), found_(found) {}

  void run();

 private:
  enum Trigger : uint8_t { kNone, kSeparator, kWordStart, kDash, kQuote, kGreater, kPercent, kAt, kBracket };
  static const std::array<uint8_t, 256> kTriggers;
  static constexpr size_t kLongestKey = 96;
  static constexpr auto npos = std::string_view::npos;

  // Hides the place unless it is hidden already.
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

  // Each of these says where to go on; 0 = behind this byte.
  size_t at(Trigger trigger, size_t i);
  size_t word_start(size_t i);
  size_t dash(size_t i);
  size_t short_dash(size_t i);
  size_t sql_password(size_t i);
  size_t xml_element(size_t i);
  size_t url(size_t colon);
  size_t go_dsn(size_t i);
  size_t telegram(size_t colon);
  size_t separator(size_t i, size_t width);
  KeyKind kind_of_named_value(Span key) const;
  size_t value(KeyKind kind, Span key, size_t begin, char separator);
  size_t quoted_value(KeyKind kind, size_t begin, std::string_view close);
  size_t authorization(size_t begin, size_t end);

  std::string_view text_;
  std::vector<Span>& found_;
  size_t floor_ = 0;  // end of the last place
};

}  // namespace ec::redaction
