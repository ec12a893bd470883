#include "collector/report/text_layout.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "collector/base/text.h"

namespace ec {

namespace {

// One character of valid UTF-8; a stray byte counts as itself.
struct Character {
  uint32_t code;
  size_t bytes;
};
Character character_at(std::string_view text, size_t at) {
  auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[at + i])); };
  uint32_t lead = byte(0);
  size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  if (size == 1 || at + size > text.size()) return {lead, 1};
  uint32_t code = lead & (0xffu >> (size + 1));
  for (size_t i = 1; i < size; ++i) code = code << 6 | (byte(i) & 0x3f);
  return {code, size};
}

struct Range {
  uint32_t first, last;
};
bool in(uint32_t code, const auto& ranges) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](Range range) { return code >= range.first && code <= range.last; });
}

// Unicode Standard Annex 11 (wide, fullwidth) and emoji, in coarse blocks.
constexpr std::array<Range, 12> kWide{{{0x1100, 0x115f},
                                       {0x2e80, 0x303e},
                                       {0x3041, 0x33ff},
                                       {0x3400, 0x4dbf},
                                       {0x4e00, 0x9fff},
                                       {0xa000, 0xa4cf},
                                       {0xac00, 0xd7a3},
                                       {0xf900, 0xfaff},
                                       {0xfe30, 0xfe6f},
                                       {0xff00, 0xff60},
                                       {0x1f300, 0x1faff},
                                       {0x20000, 0x3fffd}}};
constexpr std::array<Range, 7> kCombining{{{0x0300, 0x036f},
                                           {0x0483, 0x0489},
                                           {0x0591, 0x05bd},
                                           {0x1ab0, 0x1aff},
                                           {0x20d0, 0x20ff},
                                           {0xfe00, 0xfe0f},
                                           {0xfe20, 0xfe2f}}};
// Direction marks and overrides, zero-width characters, byte order mark, tags, line and paragraph separators.
constexpr std::array<Range, 7> kDeceiving{{{0x061c, 0x061c},
                                           {0x200b, 0x200f},
                                           {0x2028, 0x202e},
                                           {0x2060, 0x206f},
                                           {0xfeff, 0xfeff},
                                           {0xfff9, 0xfffb},
                                           {0xe0000, 0xe0fff}}};

}  // namespace

std::string plain_line(std::string_view text, size_t limit) {
  std::string line = printable_line(text, limit), plain;
  plain.reserve(line.size());
  for (size_t at = 0; at < line.size();) {
    auto [code, bytes] = character_at(line, at);
    if (in(code, kDeceiving) || (code >= 0x80 && code < 0xa0))
      plain += "\xef\xbf\xbd";
    else if (code == '\t')
      plain += ' ';
    else
      plain.append(line, at, bytes);
    at += bytes;
  }
  return plain;
}

namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

std::string escaped_markdown(std::string_view text, size_t limit, bool begins_a_line) {
  std::string line = plain_line(text, limit), escaped;
  escaped.reserve(line.size() + line.size() / 8);
  for (size_t at = 0; at < line.size(); ++at) {
    char c = line[at];
    // '<' and '&' as entities: some renderers look for HTML before they look for backslashes.
    if (c == '<')
      escaped += "&lt;";
    else if (c == '>')
      escaped += "&gt;";
    else if (c == '&')
      escaped += "&amp;";
    else {
      // An underscore inside a word is no emphasis: CLOSE_WAIT.
      bool inside_word = c == '_' && at > 0 && at + 1 < line.size() && is_word(line[at - 1]) && is_word(line[at + 1]);
      bool markup = !inside_word && std::string_view("\\`*_[]|~@$").find(c) != std::string_view::npos;
      bool link = c == ':' && line.compare(at, 3, "://") == 0;
      bool www = c == '.' && at >= 3 && (line.compare(at - 3, 3, "www") == 0 || line.compare(at - 3, 3, "WWW") == 0);
      bool at_start = begins_a_line && escaped.empty() && std::string_view("#+-=").find(c) != std::string_view::npos;
      bool numbered = begins_a_line && (c == '.' || c == ')') && at > 0 && at < 10 &&
                      std::all_of(line.begin(), line.begin() + static_cast<ptrdiff_t>(at),
                                  [](char d) { return d >= '0' && d <= '9'; });
      if (markup || link || www || at_start || numbered) escaped += '\\';
      escaped += c;
    }
  }
  return escaped;
}

}  // namespace

std::string markdown_text(std::string_view text, size_t limit) { return escaped_markdown(text, limit, true); }

std::string markdown_cell(std::string_view text, size_t limit) { return escaped_markdown(text, limit, false); }

std::string markdown_code(std::string_view text, size_t limit) {
  std::string line = plain_line(text, limit);
  if (line.empty()) return "";
  size_t longest = 0, run = 0;
  for (char c : line) longest = std::max(longest, run = c == '`' ? run + 1 : 0);
  std::string fence(longest + 1, '`');
  // A renderer takes one space off both ends when both are spaces.
  bool pad = line.front() == '`' || line.back() == '`' || (line.front() == ' ' && line.back() == ' ');
  return fence + (pad ? " " : "") + line + (pad ? " " : "") + fence;
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size();) {
    auto [code, bytes] = character_at(text, at);
    at += bytes;
    if (code < 0x300)
      ++width;
    else if (!in(code, kCombining))
      width += in(code, kWide) ? 2 : 1;
  }
  return width;
}

namespace {

// The longest prefix of at most `columns`, in bytes.
size_t prefix_of_width(std::string_view text, size_t columns) {
  size_t width = 0, at = 0;
  while (at < text.size()) {
    auto [code, bytes] = character_at(text, at);
    size_t own = code < 0x300 ? 1 : in(code, kCombining) ? 0 : in(code, kWide) ? 2 : 1;
    if (width + own > columns) break;
    width += own;
    at += bytes;
  }
  return at;
}

}  // namespace

std::string clip(std::string_view text, size_t columns) {
  if (columns == 0) return std::string(text);
  size_t fits = prefix_of_width(text, columns);
  if (fits == text.size()) return std::string(text);
  return std::string(text.substr(0, prefix_of_width(text, columns - 1))) + "…";
}

std::string padded(std::string_view text, size_t columns) {
  size_t width = display_width(text);
  return std::string(text) + std::string(width < columns ? columns - width : 0, ' ');
}

std::string padded_left(std::string_view text, size_t columns) {
  size_t width = display_width(text);
  return std::string(width < columns ? columns - width : 0, ' ') + std::string(text);
}

std::vector<std::string> wrap(std::string_view text, size_t columns) {
  std::vector<std::string> lines;
  if (columns == 0) return {std::string(text)};
  while (!text.empty()) {
    size_t fits = prefix_of_width(text, columns);
    if (fits == text.size()) {
      lines.emplace_back(text);
      break;
    }
    if (fits == 0) fits = character_at(text, 0).bytes;  // one wide character in one column
    size_t space = text.substr(0, fits + 1).rfind(' ');
    // A break far to the left wastes the line: then the long word is broken instead.
    size_t end = space != std::string_view::npos && 2 * space >= fits ? space : fits;
    lines.emplace_back(text.substr(0, end));
    while (!lines.back().empty() && lines.back().back() == ' ') lines.back().pop_back();
    text.remove_prefix(end);
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  }
  if (lines.empty()) lines.emplace_back();
  return lines;
}

std::string toned(std::string_view text, Tone tone, bool colour) {
  static constexpr std::array<std::string_view, 8> kCodes{"", "1", "2", "31", "33", "32", "36", "1;97;41"};
  if (!colour || tone == Tone::kNone) return std::string(text);
  std::string out = "\x1b[";
  out += kCodes.at(static_cast<size_t>(tone));
  out += 'm';
  out += text;
  out += "\x1b[0m";
  return out;
}

TextTable::TextTable(std::vector<std::string> header) : header_(std::move(header)) {
  for (auto& cell : header_) {
    right_.push_back(cell.starts_with('>'));
    if (right_.back()) cell.erase(0, 1);
  }
}

void TextTable::row(std::vector<std::string> cells) {
  cells.resize(header_.size());
  for (auto& cell : cells) cell = plain_line(cell, 4000);
  rows_.push_back(std::move(cells));
}

std::string TextTable::text() const {
  std::vector<size_t> widths;
  for (size_t column = 0; column < header_.size(); ++column) {
    size_t width = display_width(header_[column]);
    for (auto& row : rows_) width = std::max(width, display_width(row[column]));
    widths.push_back(width);
  }
  std::string text;
  auto append = [&](const std::vector<std::string>& cells) {
    for (size_t column = 0; column < cells.size(); ++column) {
      if (column > 0) text += "  ";
      bool last = column + 1 == cells.size();
      text += right_[column] ? padded_left(cells[column], widths[column])
              : last         ? cells[column]
                             : padded(cells[column], widths[column]);
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    text += '\n';
  };
  append(header_);
  for (auto& row : rows_) append(row);
  return text;
}

}  // namespace ec
