#include "collector/profile/text_frame.h"

#include <algorithm>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kKnownBy = 8;    // bytes of the end of a prefix: "p[123]: ", "stderr F "
constexpr size_t kMayDiffer = 4;  // in length: a time with fewer digits

}  // namespace

std::string frame_words(const TextFrame& frame) {
  if (frame.file.empty()) return frame.function;
  size_t slash = frame.file.rfind('/');
  if (slash != std::string::npos && slash > 0) slash = frame.file.rfind('/', slash - 1);
  auto place = slash == std::string::npos ? frame.file : frame.file.substr(slash + 1);
  if (frame.line > 0) place += fmt::format(":{}", frame.line);
  return fmt::format("{} ({})", frame.function, place);
}

bool split_place(std::string_view place, std::string_view& file, uint64_t& line) {
  size_t colon = place.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  auto last = parse_number<uint64_t>(place.substr(colon + 1));
  if (!last) return false;
  file = place.substr(0, colon);
  line = *last;
  size_t before = file.rfind(':');
  if (before == std::string_view::npos || before == 0) return true;
  if (auto number = parse_number<uint64_t>(file.substr(before + 1))) {
    line = *number;
    file = file.substr(0, before);
  }
  return true;
}

LinePrefix::LinePrefix(std::string_view line, size_t text)
    : end_(line.substr(text - std::min(text, kKnownBy), std::min(text, kKnownBy))), length_(text) {}

std::optional<std::string_view> LinePrefix::strip(std::string_view line) const {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (length_ == 0) return line;
  size_t begin = length_ - end_.size();
  begin -= std::min(begin, kMayDiffer);
  size_t at = line.substr(0, length_ + kMayDiffer).find(end_, begin);
  if (at != std::string_view::npos) return line.substr(at + end_.size());
  // An empty line, alone or with the prefix without the space at its end.
  auto words = trim(line);
  return words.empty() || words.ends_with(trim(end_)) ? std::optional(std::string_view()) : std::nullopt;
}

}  // namespace ec
