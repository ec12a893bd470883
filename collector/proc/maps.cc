#include "collector/proc/maps.h"

#include <charconv>

#include "collector/base/text.h"

namespace ec {

namespace {

// Reads a number and the character behind it; a maps file of a large process has 65,530 lines.
template <class T>
bool take(std::string_view& rest, T& value, int base, char end) {
  auto [stop, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), value, base);
  if (problem != std::errc{} || stop == rest.data()) return false;
  rest.remove_prefix(static_cast<size_t>(stop - rest.data()));
  if (end == '\0') return true;
  if (!rest.starts_with(end)) return false;
  rest.remove_prefix(1);
  return true;
}

bool take_flag(char seen, char on, char off, bool& flag) {
  flag = seen == on;
  return seen == on || seen == off;
}

// seq_file_path() escapes the newline and nothing else, not even the backslash.
std::string unescape_newline(std::string_view name) {
  std::string plain;
  plain.reserve(name.size());
  for (size_t at; (at = name.find("\\012")) != std::string_view::npos; name.remove_prefix(at + 4)) {
    plain += name.substr(0, at);
    plain += '\n';
  }
  plain += name;
  return plain;
}

}  // namespace

bool parse_maps_line(std::string_view line, MapsEntry& entry) {
  if (!take(line, entry.begin, 16, '-') || !take(line, entry.end, 16, ' ') || entry.begin >= entry.end) return false;
  if (line.size() < 5 || line[4] != ' ') return false;
  if (!take_flag(line[0], 'r', '-', entry.readable) || !take_flag(line[1], 'w', '-', entry.writable) ||
      !take_flag(line[2], 'x', '-', entry.executable) || !take_flag(line[3], 's', 'p', entry.shared))
    return false;
  line.remove_prefix(5);
  if (!take(line, entry.offset, 16, ' ') || !take(line, entry.device_major, 16, ':') ||
      !take(line, entry.device_minor, 16, ' ') || !take(line, entry.inode, 10, '\0'))
    return false;
  size_t name = line.find_first_not_of(' ');
  if (name == 0) return false;
  line = name == std::string_view::npos ? std::string_view{} : line.substr(name);
  constexpr std::string_view kDeleted = " (deleted)";
  entry.deleted = line.starts_with('/') && line.ends_with(kDeleted);
  if (entry.deleted) line.remove_suffix(kDeleted.size());
  entry.name = unescape_newline(line);
  return true;
}

Result<std::vector<MapsEntry>> parse_maps(std::string_view where, std::string_view text) {
  std::vector<MapsEntry> entries;
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    if (!parse_maps_line(*line, entries.emplace_back()))
      return tl::unexpected(lines.expected("begin-end rwxp offset major:minor inode [name]"));
  }
  return entries;
}

}  // namespace ec
