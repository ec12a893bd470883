#include "collector/base/text.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "collector/base/utf8.h"

namespace ec {

std::optional<double> parse_double(std::string_view text) {
  double value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (!std::isfinite(value)) return std::nullopt;
  return value;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank(" \t\r\n\0", 5);
  size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string_view> split_fields(std::string_view line) {
  std::vector<std::string_view> fields;
  FieldCursor cursor(line);
  while (auto field = cursor.word()) fields.push_back(*field);
  return fields;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  for (size_t at; (at = text.find(separator, begin)) != std::string_view::npos; begin = at + 1)
    parts.push_back(text.substr(begin, at - begin));
  parts.push_back(text.substr(begin));
  return parts;
}

std::optional<std::string_view> LineCursor::next() {
  if (rest_.empty()) return std::nullopt;
  ++line_number_;
  size_t end = rest_.find('\n');
  std::string_view line = rest_.substr(0, end);
  rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
  return line;
}

Error LineCursor::expected(std::string_view what) const {
  return Error{ErrorCode::kMalformed, fmt::format("{}:{}", where_, line_number_), fmt::format("expected {}", what), 0};
}

std::optional<std::string_view> FieldCursor::word() {
  size_t first = rest_.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    rest_ = {};
    return std::nullopt;
  }
  rest_.remove_prefix(first);
  size_t end = rest_.find_first_of(" \t");
  std::string_view field = rest_.substr(0, end);
  rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end);
  return field;
}

namespace {}  // namespace

std::string printable_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    size_t length = utf8_length(bytes);
    auto first = static_cast<unsigned char>(bytes[0]);
    bool control = length == 1 && (first < 0x20 || first == 0x7f) && first != '\n' && first != '\t';
    // U+0080..U+009F are the C1 controls: some terminals obey them.
    control = control || (length == 2 && first == 0xc2 && static_cast<unsigned char>(bytes[1]) < 0xa0);
    if (length == 0 || control) {
      text += "\xEF\xBF\xBD";
      bytes.remove_prefix(length == 0 ? 1 : length);
    } else {
      text += bytes.substr(0, length);
      bytes.remove_prefix(length);
    }
  }
  return text;
}

std::string printable_line(std::string_view bytes, size_t limit) {
  // One character more than the limit is enough to know whether something is cut.
  std::string text = printable_utf8(bytes.substr(0, limit + 8));
  for (char& c : text)
    if (c == '\n' || c == '\t') c = ' ';
  if (text.size() <= limit) return text;
  size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

std::string unescape_octal(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      auto value = parse_number<unsigned>(text.substr(i + 1, 3), 8);
      if (value && *value < 256) {
        plain += static_cast<char>(*value);
        i += 3;
        continue;
      }
    }
    plain += text[i];
  }
  return plain;
}

std::string human_bytes(double bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  size_t unit = 0;
  // 1023.5 would be shown as 1024.
  while (std::abs(bytes) >= 1023.5 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  bool whole = unit == 0 || std::abs(bytes) >= 100;
  return fmt::format("{:.{}f} {}", bytes, whole ? 0 : 1, kUnits[unit]);
}

std::string human_duration(double seconds) {
  if (std::isnan(seconds)) return "unknown";
  if (seconds < 0) return "-" + human_duration(-seconds);
  if (seconds == 0) return "0 s";
  // Each limit is where the unit below would be rounded up to a whole of this one.
  if (seconds < 0.0009995) return fmt::format("{:.0f} µs", seconds * 1e6);
  if (seconds < 0.99995) return fmt::format("{:.1f} ms", seconds * 1e3);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  auto whole = std::max<int64_t>(60, static_cast<int64_t>(std::min(seconds, 1e15)));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
  return fmt::format("{} d {} h", whole / 86400, whole % 86400 / 3600);
}

}  // namespace ec
