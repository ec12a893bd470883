#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ec {

// A frame as a program prints it of itself. Both texts are printable and of one line.
struct TextFrame {
  std::string function;
  std::string file;   // "" = not told
  uint64_t line = 0;  // 0 = not told
  bool operator==(const TextFrame&) const = default;
};

// "main.serve (server.go:20)", with the last two parts of the path; "main.serve" without a file.
std::string frame_words(const TextFrame& frame);

// "/src/server.go:20", "/src/server.cc:20:7": the column does not count. False when there is no line at the end.
bool split_place(std::string_view place, std::string_view& file, uint64_t& line);

// What a log puts in front of each line that a program prints: "2026-11-21T07:25:39.123Z api[42]: ". Learned from one
// line of a block, and looked for in the lines after it. Its end counts, so that a time of another length does not
// matter.
class LinePrefix {
 public:
  LinePrefix() = default;
  // `text`: where the program's own words begin in `line`.
  LinePrefix(std::string_view line, size_t text);
  // The program's own words; nothing when the line has no such prefix.
  std::optional<std::string_view> strip(std::string_view line) const;

 private:
  std::string end_;
  size_t length_ = 0;
};

}  // namespace ec
