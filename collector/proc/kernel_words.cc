#include "collector/proc/kernel_words.h"

#include <array>

#include "collector/base/text.h"

namespace ec {

std::map<std::string, std::string> parse_os_release(std::string_view text) {
  std::map<std::string, std::string> values;
  LineCursor lines("os-release", text);
  while (auto line = lines.next()) {
    std::string_view rest = trim(*line);
    size_t equals = rest.find('=');
    if (rest.starts_with('#') || equals == std::string_view::npos) continue;
    std::string_view value = rest.substr(equals + 1);
    bool quoted = value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
    if (quoted) value = value.substr(1, value.size() - 2);
    std::string plain;
    for (size_t i = 0; i < value.size(); ++i) {
      if (quoted && value[i] == '\\' && i + 1 < value.size()) ++i;
      plain += value[i];
    }
    values.insert_or_assign(printable_line(rest.substr(0, equals), 64), printable_line(plain, 200));
  }
  return values;
}

Result<std::vector<std::string>> parse_taint(std::string_view where, std::string_view text) {
  constexpr std::array<std::string_view, 20> kWords{
      "P: proprietary module loaded",
      "F: module force-loaded",
      "S: kernel running on an out-of-specification system",
      "R: module force-unloaded",
      "M: processor reported a machine check",
      "B: bad page referenced or unexpected page flags",
      "U: taint requested by a userspace program",
      "D: kernel died recently (OOPS or BUG)",
      "A: ACPI table overridden by user",
      "W: kernel issued a warning",
      "C: staging driver loaded",
      "I: workaround for a bug in platform firmware",
      "O: out-of-tree module loaded",
      "E: unsigned module loaded",
      "L: soft lockup occurred",
      "K: kernel live-patched",
      "X: auxiliary taint, defined by the distribution",
      "T: built with the structure randomisation plugin",
      "N: in-kernel test has been run",
      "J: userspace used a mutating debug operation in fwctl",
  };
  LineCursor lines(where, text);
  auto mask = parse_number<uint64_t>(trim(lines.next().value_or("")));
  if (!mask) return tl::unexpected(lines.expected("a decimal mask"));
  std::vector<std::string> words;
  for (size_t bit = 0; bit < 64; ++bit) {
    if ((*mask >> bit & 1) == 0) continue;
    words.push_back(bit < kWords.size() ? std::string(kWords[bit]) : fmt::format("bit {}", bit));
  }
  return words;
}

Result<std::vector<std::string>> parse_modules(std::string_view where, std::string_view text) {
  std::vector<std::string> modules;
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto name = fields.word();
    if (!name) continue;
    auto size = fields.number<uint64_t>();
    auto users = fields.word();  // "-" when it cannot be unloaded
    fields.word();               // by whom
    auto state = fields.word();
    if (!size || !users || !state) return tl::unexpected(lines.expected("name, size, users, by whom and state"));
    fields.word();  // address
    std::string words = fmt::format("{} ({}, used by {}", printable_line(*name, 64),
                                    human_bytes(static_cast<double>(*size)), printable_line(*users, 16));
    if (*state != "Live") words += fmt::format(", {}", printable_line(*state, 16));
    auto flags = fields.word();
    if (flags && flags->starts_with('(') && flags->ends_with(')'))
      words += fmt::format(", {}", printable_line(flags->substr(1, flags->size() - 2), 16));
    modules.push_back(words + ")");
  }
  return modules;
}

}  // namespace ec
