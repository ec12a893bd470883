#include "collector/runtimes/python_lines.h"

#include <optional>

namespace ec {

namespace {

constexpr int64_t kLargestLine = int64_t{1} << 30;

int as_line(int64_t line) { return line > 0 && line < kLargestLine ? static_cast<int>(line) : 0; }

int8_t as_signed(char byte) { return static_cast<int8_t>(byte); }
uint8_t as_unsigned(char byte) { return static_cast<uint8_t>(byte); }

// Pairs: bytes of code, then lines, before the next pair takes effect.
int line_by_lnotab(std::string_view table, int64_t line, int64_t offset) {
  int64_t at = 0;
  for (size_t i = 0; i + 1 < table.size(); i += 2) {
    at += as_unsigned(table[i]);
    if (at > offset) break;
    line += as_signed(table[i + 1]);
  }
  return as_line(line);
}

// Pairs: bytes of code that follow, and how far their line is from the one before; -128: they have none.
int line_by_line_table(std::string_view table, int64_t line, int64_t offset) {
  constexpr int8_t kNoLine = -128;
  int64_t at = 0;
  for (size_t i = 0; i + 1 < table.size(); i += 2) {
    at += as_unsigned(table[i]);
    int8_t step = as_signed(table[i + 1]);
    if (step != kNoLine) line += step;
    if (offset < at) return step == kNoLine ? 0 : as_line(line);
  }
  return 0;
}

// Six bits a byte, the lowest first; bit 6 says that more follow.
std::optional<int64_t> read_varint(std::string_view table, size_t& at) {
  uint64_t value = 0;
  for (int shift = 0; shift < 36; shift += 6) {
    if (at >= table.size()) return std::nullopt;
    uint8_t byte = as_unsigned(table[at++]);
    value |= static_cast<uint64_t>(byte & 0x3f) << shift;
    if ((byte & 0x40) == 0) return static_cast<int64_t>(value);
  }
  return std::nullopt;
}

std::optional<int64_t> read_signed_varint(std::string_view table, size_t& at) {
  auto value = read_varint(table, at);
  if (!value) return std::nullopt;
  return *value & 1 ? -(*value >> 1) : *value >> 1;
}

// Entries: a byte with bit 7 set, which tells their form and how many units of two bytes they cover, and what belongs
// to the form.
int line_by_locations(std::string_view table, int64_t line, int64_t offset) {
  constexpr int kOneLine = 10, kLastOneLine = 12, kNoColumns = 13, kLong = 14, kNone = 15;
  int64_t end = 0;
  for (size_t at = 0; at < table.size();) {
    uint8_t head = as_unsigned(table[at++]);
    if ((head & 0x80) == 0) return 0;
    int form = (head >> 3) & 0x0f;
    if (form == kNoColumns || form == kLong) {
      auto step = read_signed_varint(table, at);
      if (!step) return 0;
      line += *step;
    } else if (form >= kOneLine && form <= kLastOneLine) {
      line += form - kOneLine;
    }
    end += ((head & 7) + 1) * 2;
    if (offset < end) return form == kNone ? 0 : as_line(line);
    while (at < table.size() && (as_unsigned(table[at]) & 0x80) == 0) ++at;  // columns
  }
  return 0;
}

}  // namespace

int python_line(PythonLineTable form, std::string_view table, int first_line, int64_t offset) {
  if (offset < 0) return as_line(first_line);
  switch (form) {
    case PythonLineTable::kLnotab:
      return line_by_lnotab(table, first_line, offset);
    case PythonLineTable::kLineTable:
      return line_by_line_table(table, first_line, offset);
    case PythonLineTable::kLocations:
      return line_by_locations(table, first_line, offset);
  }
  return 0;
}

}  // namespace ec
