#include "collector/proc/log_line.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kLevelWithin = 400;  // bytes of the line in which a level word is looked for
constexpr size_t kPatternWithin = 1000;
constexpr size_t kPatternBytes = 200;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_letter(char c) { return is_lower(c) || is_upper(c); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool in_word(char c) { return is_letter(c) || is_digit(c) || c == '_'; }
char lower(char c) { return is_upper(c) ? static_cast<char>(c + ('a' - 'A')) : c; }

struct LevelWord {
  std::string_view word;  // lower case
  LogLevel level;
};
constexpr std::array<LevelWord, 29> kLevels{
    {{"trace", LogLevel::kNone},      {"debug", LogLevel::kNone},       {"dbug", LogLevel::kNone},
     {"info", LogLevel::kNone},       {"information", LogLevel::kNone}, {"notice", LogLevel::kNone},
     {"log", LogLevel::kNone},        {"statement", LogLevel::kNone},   {"detail", LogLevel::kNone},
     {"hint", LogLevel::kNone},       {"context", LogLevel::kNone},     {"warn", LogLevel::kWarning},
     {"warning", LogLevel::kWarning}, {"wrn", LogLevel::kWarning},      {"error", LogLevel::kError},
     {"eror", LogLevel::kError},      {"err", LogLevel::kError},        {"failure", LogLevel::kError},
     {"severe", LogLevel::kError},    {"critical", LogLevel::kFatal},   {"crit", LogLevel::kFatal},
     {"fatal", LogLevel::kFatal},     {"panic", LogLevel::kFatal},      {"alert", LogLevel::kFatal},
     {"emerg", LogLevel::kFatal},     {"emergency", LogLevel::kFatal},  {"dpanic", LogLevel::kFatal},
     {"ftl", LogLevel::kFatal},       {"assertion", LogLevel::kError}}};

std::optional<LogLevel> level_of_word(std::string_view word) {
  if (word.size() > 11 || word.size() < 3) return std::nullopt;
  std::array<char, 11> folded{};
  std::transform(word.begin(), word.end(), folded.begin(), lower);
  std::string_view text(folded.data(), word.size());
  for (const LevelWord& known : kLevels)
    if (known.word == text) return known.level;
  return std::nullopt;
}

// The value after `key` + separator, e.g. {"level":"error"} or level=error; "" when there is none. Only keys at a word
// start.
std::string_view value_after(std::string_view line, std::string_view key) {
  for (size_t at = 0; (at = line.find(key, at)) != std::string_view::npos; at += key.size()) {
    if (at > 0 && in_word(line[at - 1])) continue;
    std::string_view value = line.substr(at + key.size());
    while (!value.empty() && (value[0] == ' ' || value[0] == '"')) value.remove_prefix(1);
    size_t end = value.find_first_of("\" ,}\t]");
    return value.substr(0, end);
  }
  return {};
}

// pino and bunyan: 10 trace … 60 fatal.
LogLevel numeric_level(unsigned value) {
  if (value >= 60) return LogLevel::kFatal;
  if (value >= 50) return LogLevel::kError;
  return value >= 40 ? LogLevel::kWarning : LogLevel::kNone;
}

std::optional<LogLevel> keyed_level(std::string_view line) {
  constexpr std::array<std::string_view, 6> kJsonKeys{
      "\"level\":", "\"severity\":", "\"lvl\":", "\"levelname\":", "\"log.level\":", "\"@level\":"};
  constexpr std::array<std::string_view, 3> kLogfmtKeys{"level=", "lvl=", "severity="};
  auto from = [&](std::string_view key) -> std::optional<LogLevel> {
    std::string_view value = value_after(line, key);
    if (value.empty()) return std::nullopt;
    if (auto number = parse_number<unsigned>(value)) return numeric_level(*number);
    return level_of_word(value);
  };
  if (line.starts_with('{'))
    for (std::string_view key : kJsonKeys)
      if (auto level = from(key)) return level;
  for (std::string_view key : kLogfmtKeys)
    if (auto level = from(key)) return level;
  return std::nullopt;
}

bool digits_at(std::string_view text, size_t at, size_t count) {
  if (at > text.size() || text.size() - at < count) return false;
  return std::all_of(text.begin() + static_cast<long>(at), text.begin() + static_cast<long>(at + count), is_digit);
}

unsigned number_at(std::string_view text, size_t at, size_t count) {
  unsigned value = 0;
  for (char c : text.substr(at, count)) value = value * 10 + static_cast<unsigned>(c - '0');
  return value;
}

// "E1120 22:05:11.123456": klog and glog.
std::optional<LogLevel> klog_level(std::string_view line) {
  if (line.size() < 14 || !digits_at(line, 1, 4) || line[5] != ' ' || !digits_at(line, 6, 2) || line[8] != ':')
    return std::nullopt;
  switch (line[0]) {
    case 'I':
      return LogLevel::kNone;
    case 'W':
      return LogLevel::kWarning;
    case 'E':
      return LogLevel::kError;
    case 'F':
      return LogLevel::kFatal;
    default:
      return std::nullopt;
  }
}

// "3571:M 20 Nov 2026 22:05:11.123 # message": the mark is '.', '-', '*' or '#', the last for warnings and worse.
std::optional<LogLevel> redis_level(std::string_view line) {
  size_t colon = line.find(':');
  if (colon == 0 || colon > 10 || line.size() < colon + 30) return std::nullopt;
  if (!digits_at(line, 0, colon) || line[colon + 2] != ' ' || !is_upper(line[colon + 1])) return std::nullopt;
  for (size_t at = colon + 24; at + 2 < line.size() && at < colon + 32; ++at)
    if (line[at] == ' ' && line[at + 2] == ' ' && std::string_view(".-*#").find(line[at + 1]) != std::string_view::npos)
      return line[at + 1] == '#' ? LogLevel::kWarning : LogLevel::kNone;
  return std::nullopt;
}

// "\"GET /a?b HTTP/1.1\" 502 157": an answer of the server's own failure.
struct Answer {
  std::string_view request, status;  // "GET /a", without what follows '?'; "502"
};
std::optional<Answer> server_error_answer(std::string_view line) {
  for (size_t at = 0; (at = line.find(" HTTP/", at)) != std::string_view::npos; at += 6) {
    size_t quote = line.find('"', at);
    if (quote == std::string_view::npos || quote - at > 12) continue;
    if (!line.substr(quote + 1).starts_with(" 5") || !digits_at(line, quote + 2, 3)) continue;
    size_t begin = line.substr(0, at).rfind('"');
    if (begin == std::string_view::npos) continue;
    std::string_view request = line.substr(begin + 1, at - begin - 1);
    return Answer{request.substr(0, request.find('?')), line.substr(quote + 2, 3)};
  }
  return std::nullopt;
}

// "ValueError: …", "java.io.IOException: …", "MyException at …": a class name of an error that begins a message.
bool exception_name(std::string_view word, std::string_view after) {
  bool ends = word.ends_with("Exception") || (word.ends_with("Error") && word.size() > 5);
  return ends && is_upper(word[0]) && (after.starts_with(':') || after.empty());
}

// Lines that begin a crash, however the program logs otherwise.
std::optional<LogLevel> crash_level(std::string_view line) {
  constexpr std::array<std::string_view, 6> kFatal{
      "panic: ", "fatal error: ", "terminate called after", "*** stack smashing", "Segmentation fault", "SIGSEGV: "};
  constexpr std::array<std::string_view, 4> kError{"Traceback (most recent call last)", "Exception in thread ",
                                                   "Uncaught ", "Unhandled "};
  for (std::string_view start : kFatal)
    if (line.starts_with(start)) return LogLevel::kFatal;
  for (std::string_view start : kError)
    if (line.starts_with(start)) return LogLevel::kError;
  return std::nullopt;
}

// A level word counts when the writer marked it: in capitals, in brackets or before a colon.
bool marked(std::string_view line, size_t begin, size_t end) {
  std::string_view word = line.substr(begin, end - begin);
  if (std::all_of(word.begin(), word.end(), is_upper)) return true;
  char before = begin > 0 ? line[begin - 1] : ' ', after = end < line.size() ? line[end] : ' ';
  bool alone = before == ' ' || before == '\t' || begin == 0;
  return ((before == '[' || before == ':' || before == '<') && (after == ']' || after == '>')) ||
         (after == ':' && alone);
}

std::optional<LogLevel> worded_level(std::string_view line) {
  line = line.substr(0, kLevelWithin);
  for (size_t at = 0; at < line.size();) {
    if (!in_word(line[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < line.size() && in_word(line[end])) ++end;
    std::string_view word = line.substr(at, end - at);
    auto level = level_of_word(word);
    if (level && marked(line, at, end)) return level;
    if (exception_name(word, line.substr(end))) return LogLevel::kError;
    at = end;
  }
  return std::nullopt;
}

// Days since 1970-01-01 (proleptic Gregorian); Howard Hinnant's days_from_civil.
int64_t days_from_civil(int64_t year, unsigned month, unsigned day) {
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  auto of_era = static_cast<unsigned>(year - era * 400);
  unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + int64_t{of_era * 365 + of_era / 4 - of_era / 100 + of_year} - 719468;
}

struct Stamp {
  unsigned year = 2000, month = 0, day = 0;
};

std::optional<double> seconds(Stamp date, std::string_view text, size_t clock) {
  if (!digits_at(text, clock, 2) || !digits_at(text, clock + 3, 2) || !digits_at(text, clock + 6, 2))
    return std::nullopt;
  if (text[clock + 2] != ':' || text[clock + 5] != ':') return std::nullopt;
  unsigned hour = number_at(text, clock, 2), minute = number_at(text, clock + 3, 2),
           second = number_at(text, clock + 6, 2);
  bool valid = date.month >= 1 && date.month <= 12 && date.day >= 1 && date.day <= 31 && hour < 24 && minute < 60 &&
               second <= 60;
  if (!valid) return std::nullopt;
  double fraction = 0, digit = 0.1;
  size_t at = clock + 8;
  if (at < text.size() && (text[at] == '.' || text[at] == ','))
    for (++at; at < text.size() && is_digit(text[at]) && digit > 1e-10; ++at, digit /= 10)
      fraction += digit * (text[at] - '0');
  return static_cast<double>(days_from_civil(date.year, date.month, date.day) * 86400) + hour * 3600 + minute * 60 +
         second + fraction;
}

unsigned month_at(std::string_view text, size_t at) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (at > text.size() || text.size() - at < 3 || !is_upper(text[at])) return 0;
  size_t found = kMonths.find(text.substr(at, 3));
  return found == std::string_view::npos || found % 3 != 0 ? 0 : static_cast<unsigned>(found / 3 + 1);
}

// A stamp that begins exactly here, in any of the forms.
std::optional<double> time_at(std::string_view text, size_t at) {
  if (digits_at(text, at, 4) && text.size() - at >= 19 && text[at + 4] == text[at + 7] &&
      (text[at + 4] == '-' || text[at + 4] == '/') && digits_at(text, at + 5, 2) && digits_at(text, at + 8, 2) &&
      (text[at + 10] == 'T' || text[at + 10] == ' '))  // 2026-11-20T22:05:11, 2026/11/20 22:05:11
    return seconds({number_at(text, at, 4), number_at(text, at + 5, 2), number_at(text, at + 8, 2)}, text, at + 11);
  if (digits_at(text, at, 2) && text.size() - at >= 20) {
    char gap = text[at + 2];
    unsigned month = month_at(text, at + 3);
    if (month && (gap == '/' || gap == ' ') && text[at + 6] == gap &&
        digits_at(text, at + 7, 4))  // 20/Nov/2026:22:05:11
      return seconds({number_at(text, at + 7, 4), month, number_at(text, at, 2)}, text, at + 12);
  }
  unsigned month = month_at(text, at);
  if (month && text.size() - at >= 15 && text[at + 3] == ' ') {  // Nov 20 22:05:11, Nov  2 22:05:11
    size_t day_at = text[at + 4] == ' ' ? at + 5 : at + 4, day_length = at + 6 - day_at;
    if (digits_at(text, day_at, day_length))
      return seconds({2000, month, number_at(text, day_at, day_length)}, text, at + 7);
  }
  return std::nullopt;
}

// {"ts":1700000000.123}, {"time":1700000000123}: seconds, milli-, micro- or nanoseconds, told by their size.
std::optional<double> epoch_time(std::string_view line) {
  constexpr std::array<std::string_view, 4> kKeys{"\"ts\":", "\"time\":", "\"timestamp\":", "ts="};
  for (std::string_view key : kKeys) {
    auto value = parse_double(value_after(line, key));
    if (!value || !(*value > 1e9) || *value > 1e19) continue;
    double scale = *value > 1e17 ? 1e9 : *value > 1e14 ? 1e6 : *value > 1e11 ? 1e3 : 1;
    return *value / scale;
  }
  return std::nullopt;
}

// Of a JSON line, what a person would read.
std::string_view message_of(std::string_view line) {
  constexpr std::array<std::string_view, 5> kKeys{
      "\"msg\":", "\"message\":", "\"@message\":", "\"error\":", "\"err\":"};
  if (!line.starts_with('{')) return line;
  for (std::string_view key : kKeys) {
    size_t at = line.find(key);
    if (at == std::string_view::npos) continue;
    std::string_view value = line.substr(at + key.size());
    while (value.starts_with(' ')) value.remove_prefix(1);
    if (!value.starts_with('"')) continue;
    size_t end = 1;
    while (end < value.size() && value[end] != '"') end += value[end] == '\\' ? 2 : 1;
    return value.substr(1, std::min(end, value.size()) - 1);
  }
  return line;
}

// Length of a quoted text that begins here, quotes included; 0 when none does.
size_t quoted_length(std::string_view text, size_t at) {
  char quote = text[at];
  if (quote != '"' && quote != '\'' && quote != '`') return 0;
  if (quote == '\'' && at > 0 && in_word(text[at - 1])) return 0;  // can't
  size_t end = text.substr(0, std::min(text.size(), at + 300)).find(quote, at + 1);
  return end == std::string_view::npos ? 0 : end + 1 - at;
}

// Length of a word of hexadecimal digits and dashes with at least one decimal digit, eight bytes or more: ids and
// hashes.
size_t id_length(std::string_view text, size_t at) {
  size_t end = at;
  bool digit = false;
  if (text.substr(at).starts_with("0x")) end += 2;
  while (end < text.size() && (is_hex(text[end]) || (text[end] == '-' && end > at)))
    digit = is_digit(text[end++]) || digit;
  bool whole = end == text.size() || !in_word(text[end]);
  return whole && digit && end - at >= 8 ? end - at : 0;
}

// Numbers, ids and quoted texts become '#'.
std::string masked(std::string_view text) {
  text = text.substr(0, kPatternWithin);
  std::string pattern;
  pattern.reserve(std::min(text.size(), kPatternBytes + 16));
  // Joins what only numbers separate: dates, addresses, versions become one '#'.
  auto mark = [&] {
    size_t joint = pattern.size();
    while (joint > 0 && std::string_view(".:,-/").find(pattern[joint - 1]) != std::string_view::npos) --joint;
    if (joint > 0 && pattern.size() - joint <= 1 && pattern[joint - 1] == '#')
      pattern.resize(joint);
    else
      pattern += '#';
  };
  for (size_t at = 0; at < text.size() && pattern.size() < kPatternBytes;) {
    size_t length = quoted_length(text, at);
    bool word_starts = at == 0 || !in_word(text[at - 1]);
    if (length == 0 && word_starts && is_hex(text[at])) length = id_length(text, at);
    if (length == 0)
      while (at + length < text.size() && is_digit(text[at + length])) ++length;
    if (length > 0) {
      mark();
      at += length;
    } else {
      pattern += text[at++];
    }
  }
  return pattern;
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
    case LogLevel::kFatal:
      return "fatal";
    case LogLevel::kNone:
      break;
  }
  return "";
}

LogLevel log_level(std::string_view line) {
  line = line.substr(0, 8192);
  if (auto level = crash_level(line)) return *level;
  if (auto level = keyed_level(line)) return *level;
  if (auto level = klog_level(line)) return *level;
  if (auto level = redis_level(line)) return *level;
  if (server_error_answer(line)) return LogLevel::kError;
  return worded_level(line).value_or(LogLevel::kNone);
}

std::optional<double> log_time(std::string_view line) {
  line = line.substr(0, 8192);
  // klog: no year, and no separators in the date.
  if (klog_level(line) && digits_at(line, 9, 2))
    return seconds({2000, number_at(line, 1, 2), number_at(line, 3, 2)}, line, 6);
  if (line.starts_with('{'))
    if (auto epoch = epoch_time(line)) return epoch;
  // A stamp begins where a word does, early in the line; within JSON it may come later.
  size_t within = std::min<size_t>(line.size(), line.starts_with('{') ? 2000 : 120);
  for (size_t at = 0; at < within; ++at) {
    if (at > 0 && in_word(line[at - 1])) continue;
    if (!is_digit(line[at]) && !is_upper(line[at])) continue;
    if (auto time = time_at(line, at)) return time;
  }
  return epoch_time(line);
}

std::string log_pattern(std::string_view line) {
  line = line.substr(0, 8192);
  if (auto answer = server_error_answer(line))
    return printable_line(fmt::format("{} {}", answer->status, masked(answer->request)), kPatternBytes);
  return printable_line(trim(masked(message_of(line))), kPatternBytes);
}

}  // namespace ec
