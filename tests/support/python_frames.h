// Python stacks as text, from both sides: what faulthandler of the program itself writes, and what we read from
// outside.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/text.h"

namespace ec::test {

// Innermost first: "app.py:42 handle".
using PythonLines = std::vector<std::string>;

// faulthandler writes what is not ASCII as \xNN and \uNNNN. Two bytes of UTF-8 are enough for the programs here.
inline std::string as_faulthandler(std::string_view text) {
  std::string escaped;
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      escaped.push_back(text[i]);
    } else if (i + 1 < text.size()) {
      unsigned character = (byte & 0x1fu) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3fu);
      escaped += character < 0x100 ? fmt::format("\\x{:02x}", character) : fmt::format("\\u{:04x}", character);
    }
  }
  return escaped;
}

// `  File "app.py", line 42 in handle`; one list for each thread, sorted.
inline std::vector<PythonLines> faulthandler_stacks(std::string_view dump) {
  std::vector<PythonLines> stacks;
  LineCursor lines("faulthandler", dump);
  while (auto line = lines.next()) {
    if (line->find("most recent call first") != std::string_view::npos) stacks.emplace_back();
    constexpr std::string_view kFile = "  File \"", kLine = "\", line ", kIn = " in ";
    if (!line->starts_with(kFile) || stacks.empty()) continue;
    size_t file_end = line->find(kLine), line_end = line->find(kIn, file_end);
    if (line_end == std::string_view::npos) continue;
    size_t number = file_end + kLine.size();
    stacks.back().push_back(fmt::format("{}:{} {}", line->substr(kFile.size(), file_end - kFile.size()),
                                        line->substr(number, line_end - number), line->substr(line_end + kIn.size())));
  }
  std::sort(stacks.begin(), stacks.end());
  return stacks;
}

// Of a PythonRead.
inline std::vector<PythonLines> read_stacks(const auto& read) {
  std::vector<PythonLines> stacks;
  for (const auto& thread : read.threads) {
    auto& lines = stacks.emplace_back();
    for (const auto& frame : thread.frames)
      lines.push_back(fmt::format("{}:{} {}", as_faulthandler(read.codes[frame.code].file), frame.line,
                                  as_faulthandler(read.codes[frame.code].name)));
  }
  std::sort(stacks.begin(), stacks.end());
  return stacks;
}

}  // namespace ec::test
