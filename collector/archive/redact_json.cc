// Secrets in JSON, with the name of each value in mind. The document is walked, not rebuilt: what is no secret stays
// byte for byte as it was, numbers and order included. No recursion: nesting is a bounded stack.
#include <algorithm>
#include <array>
#include <optional>

#include "collector/archive/redact_rules.h"
#include "collector/base/text.h"
#include "collector/base/utf8.h"

namespace ec::redaction {

namespace {

constexpr size_t kDeepest = 256;
constexpr auto npos = std::string_view::npos;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool strong(KeyKind kind) { return kind != KeyKind::kPlain && kind != KeyKind::kWeak; }

bool same_name(std::string_view key, std::string_view lower_case) {
  return key.size() == lower_case.size() && std::equal(key.begin(), key.end(), lower_case.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b;
         });
}

template <size_t N>
bool is_named(std::string_view key, const std::array<std::string_view, N>& names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return same_name(key, name); });
}
constexpr std::array<std::string_view, 8> kArgvNames{"cmdline", "args",      "argv",       "command",
                                                     "cmd",     "arguments", "entrypoint", "command_line"};
constexpr std::array<std::string_view, 5> kEnvironmentNames{"env", "environ", "environment", "envvars",
                                                            "environment_variables"};
constexpr std::array<std::string_view, 3> kNameNames{"name", "key", "variable"};
constexpr std::array<std::string_view, 2> kValueNames{"value", "val"};

// The string behind its escapes (RFC 8259, 7). An escape that is none stays as it stands.
std::string unescape(std::string_view raw) {
  std::string text;
  text.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 >= raw.size()) {
      text += raw[i];
      continue;
    }
    char c = raw[++i];
    constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    if (size_t at = kLetters.find(c); at != npos) {
      text += kMeanings[at];
      continue;
    }
    auto unit = [&](size_t at) {
      return at + 4 <= raw.size() ? parse_number<unsigned>(raw.substr(at, 4), 16) : std::nullopt;
    };
    auto high = c == 'u' ? unit(i + 1) : std::nullopt;
    if (!high) {
      text += '\\';
      text += c;
      continue;
    }
    i += 4;
    bool surrogate = *high >= 0xd800 && *high < 0xe000;
    if (surrogate) {
      auto low = *high < 0xdc00 && raw.substr(i + 1).starts_with("\\u") ? unit(i + 3) : std::nullopt;
      if (low && *low >= 0xdc00 && *low < 0xe000) {
        append_utf8(text, 0x10000 + ((*high - 0xd800) << 10) + (*low - 0xdc00));
        i += 6;
      } else {
        append_utf8(text, 0xfffd);
      }
    } else {
      append_utf8(text, *high);
    }
  }
  return text;
}

std::string escape(std::string_view text) {
  std::string raw;
  raw.reserve(text.size() + 16);
  for (char c : text) {
    constexpr std::string_view kMeanings = "\"\\\b\f\n\r\t", kLetters = "\"\\bfnrt";
    if (size_t at = kMeanings.find(c); at != npos) {
      raw += '\\';
      raw += kLetters[at];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      raw += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      raw += c;
    }
  }
  return raw;
}

struct Level {
  bool object = false, argv = false, environment = false;
  KeyKind kind = KeyKind::kPlain;     // of the key that the container stands behind, or of one further out
  KeyKind named = KeyKind::kPlain;    // {"name": "DB_PASSWORD", …
  std::optional<Span> unnamed_value;  // … "value": "x"}, when it comes before its name
  ArgumentRules arguments;
};

class JsonRules {
 public:
  JsonRules(std::string_view json, const Placeholders& placeholders, std::vector<Edit>& edits, uint64_t& count)
      : json_(json), placeholders_(placeholders), edits_(edits), count_(count) {}

  size_t run();

 private:
  bool step();
  bool open(char bracket);
  bool close(char bracket);
  bool string();
  bool scalar();
  void key(Span content);
  void string_value(Span content);
  void value_done();
  KeyKind own_kind() const;
  void hide_all(Span content, std::string_view text);
  void edit(Span content, const std::string& text, const std::vector<Span>& places, bool escaped);

  std::string_view json_;
  const Placeholders& placeholders_;
  std::vector<Edit>& edits_;
  uint64_t& count_;
  std::vector<Level> levels_;
  size_t at_ = 0, resume_ = 0;
  enum class Next { kValue, kKey, kColon, kComma } next_ = Next::kValue;
  std::string key_;  // of the value that comes next; "" in an array
  std::vector<Span> places_;
};

// How far the bytes are JSON.
size_t JsonRules::run() {
  while (true) {
    while (at_ < json_.size() && is_blank(json_[at_])) ++at_;
    if (at_ == json_.size()) return at_;
    if (next_ != Next::kColon && next_ != Next::kValue) resume_ = at_;
    if (next_ == Next::kValue && (levels_.empty() || !levels_.back().object)) resume_ = at_;
    if (!step()) return resume_;
  }
}

bool JsonRules::step() {
  char c = json_[at_];
  switch (next_) {
    case Next::kColon:
      if (c != ':') return false;
      ++at_;
      next_ = Next::kValue;
      return true;
    case Next::kComma:
      if (c == '}' || c == ']') return close(c);
      if (c != ',') return false;
      ++at_;
      next_ = levels_.back().object ? Next::kKey : Next::kValue;
      return true;
    case Next::kKey:
      if (c == '}') return close(c);
      return c == '"' && string();
    case Next::kValue:
      if (c == '{' || c == '[') return open(c);
      if (c == ']' && !levels_.empty() && !levels_.back().object) return close(c);
      if (c == '"') return string();
      return scalar();
  }
  return false;
}

KeyKind JsonRules::own_kind() const {
  if (levels_.empty()) return KeyKind::kPlain;
  const Level& level = levels_.back();
  if (!level.object) return level.kind;
  if (level.environment) return is_harmless_environment_name(key_) ? KeyKind::kPlain : KeyKind::kSecret;
  KeyKind kind = key_kind(key_);
  if (strong(kind)) return kind;
  if (strong(level.named) && is_named(key_, kValueNames)) return level.named;
  return strong(level.kind) ? level.kind : kind;
}

bool JsonRules::open(char bracket) {
  if (levels_.size() >= kDeepest) return false;
  Level level;
  level.object = bracket == '{';
  KeyKind kind = own_kind();
  bool in_environment = !levels_.empty() && levels_.back().object && levels_.back().environment;
  level.kind = strong(kind) && !in_environment ? kind : KeyKind::kPlain;
  level.argv = !level.object && is_named(key_, kArgvNames);
  level.environment = is_named(key_, kEnvironmentNames);
  levels_.push_back(std::move(level));
  ++at_;
  next_ = bracket == '{' ? Next::kKey : Next::kValue;
  key_.clear();
  return true;
}

bool JsonRules::close(char bracket) {
  if (levels_.empty() || levels_.back().object != (bracket == '}')) return false;
  levels_.pop_back();
  ++at_;
  value_done();
  return true;
}

void JsonRules::value_done() {
  key_.clear();
  next_ = levels_.empty() ? Next::kValue : Next::kComma;  // behind a document another one may follow
}

bool JsonRules::string() {
  size_t begin = at_ + 1, end = begin;
  while (end < json_.size() && json_[end] != '"') {
    if (static_cast<unsigned char>(json_[end]) < 0x20) return false;
    end += json_[end] == '\\' ? 2 : 1;
  }
  // A document cut within a string: what is there is handled as the string that it was.
  end = std::min(end, json_.size());
  at_ = std::min(end + 1, json_.size());
  if (next_ == Next::kKey) {
    key({begin, end});
    next_ = Next::kColon;
  } else {
    string_value({begin, end});
    value_done();
  }
  return true;
}

bool JsonRules::scalar() {
  size_t begin = at_;
  while (at_ < json_.size() &&
         (std::string_view("+-.").find(json_[at_]) != npos || (json_[at_] >= '0' && json_[at_] <= '9') ||
          (json_[at_] >= 'a' && json_[at_] <= 'z') || json_[at_] == 'E'))
    ++at_;
  std::string_view word = json_.substr(begin, at_ - begin);
  bool number = !word.empty() && (word[0] == '-' || (word[0] >= '0' && word[0] <= '9'));
  if (!number && word != "true" && word != "false" && word != "null") {
    at_ = begin;
    return false;
  }
  KeyKind kind = own_kind();
  bool own = !levels_.empty() && (!levels_.back().object || levels_.back().environment || strong(key_kind(key_)));
  if (number && own && strong(kind) && kind != KeyKind::kPlural) {
    edits_.push_back({{begin, at_}, '"' + placeholders_.of(word) + '"'});
    ++count_;
  }
  value_done();
  return true;
}

void JsonRules::edit(Span content, const std::string& text, const std::vector<Span>& places, bool escaped) {
  if (places.empty()) return;
  std::string replaced = placeholders_.replace(text, places);
  edits_.push_back({content, escaped ? escape(replaced) : std::move(replaced)});
  count_ += places.size();
}

void JsonRules::hide_all(Span content, std::string_view text) {
  edits_.push_back({content, placeholders_.of(text)});
  ++count_;
}

void JsonRules::key(Span content) {
  std::string_view raw = json_.substr(content.begin, content.end - content.begin);
  bool escaped = raw.find('\\') != npos;
  key_ = escaped ? unescape(raw) : std::string(raw);
  places_.clear();
  find_in_text(key_, places_);
  edit(content, key_, places_, escaped);
}

void JsonRules::string_value(Span content) {
  std::string_view raw = json_.substr(content.begin, content.end - content.begin);
  bool escaped = raw.find('\\') != npos;
  std::string text = escaped ? unescape(raw) : std::string(raw);
  KeyKind kind = own_kind();
  places_.clear();
  if (kind == KeyKind::kAuthorization) {
    find_in_authorization(text, places_);
    return edit(content, text, places_, escaped);
  }
  if (is_secret_value(kind, text)) return hide_all(content, text);
  Level* level = levels_.empty() ? nullptr : &levels_.back();
  if (level && level->argv)
    level->arguments.next(text, places_);
  else if (level && level->environment && !level->object)
    find_in_environment_entry(text, places_);
  else
    find_in_text(text, places_);
  edit(content, text, places_, escaped);
  if (!level || !level->object) return;
  if (is_named(key_, kValueNames)) level->unnamed_value = content;
  if (!is_named(key_, kNameNames)) return;
  level->named = key_kind(text);
  if (!strong(level->named) || !level->unnamed_value) return;
  Span value = *level->unnamed_value;
  raw = json_.substr(value.begin, value.end - value.begin);
  std::string secret = unescape(raw);
  if (is_harmless_value(secret)) return;
  std::erase_if(edits_, [&](const Edit& earlier) { return earlier.span.begin == value.begin; });
  hide_all(value, secret);
}

}  // namespace

size_t find_in_json(std::string_view json, const Placeholders& placeholders, std::vector<Edit>& edits,
                    uint64_t& count) {
  size_t end = JsonRules(json, placeholders, edits, count).run();
  std::sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.span.begin < b.span.begin; });
  return end;
}

}  // namespace ec::redaction
