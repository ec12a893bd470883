#include "collector/base/bundle.h"

#include <array>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr std::string_view kOpen = "==> ";
constexpr std::string_view kFailedOpen = "==! ";
constexpr std::string_view kClose = " <==\n";

std::string header_name(std::string_view name) {
  std::string safe;
  for (char c : name) {
    if (c == '\n')
      safe += "\\012";
    else
      safe += c;
  }
  return safe;
}

ErrorCode code_from_word(std::string_view word) {
  constexpr std::array kAll{ErrorCode::kGone,      ErrorCode::kDenied,  ErrorCode::kNotFound,    ErrorCode::kMalformed,
                            ErrorCode::kTruncated, ErrorCode::kTimeout, ErrorCode::kUnsupported, ErrorCode::kNoSpace,
                            ErrorCode::kSkipped,   ErrorCode::kUsage};
  for (ErrorCode code : kAll)
    if (to_string(code) == word) return code;
  return ErrorCode::kIo;
}

}  // namespace

void append_section(std::string& bundle, std::string_view name, std::string_view bytes) {
  bundle += kOpen;
  bundle += header_name(name);
  bundle += fmt::format(" {}", bytes.size());
  bundle += kClose;
  bundle += bytes;
  bundle += '\n';
}

void append_failed_section(std::string& bundle, std::string_view name, const Error& error) {
  bundle += fmt::format("{}{} {} {} | {}{}", kFailedOpen, to_string(error.code), error.sys_errno, header_name(name),
                        printable_line(error.detail), kClose);
}

std::vector<Section> parse_bundle(std::string_view bundle, size_t* whole_bytes) {
  std::vector<Section> sections;
  const size_t size = bundle.size();
  size_t whole = 0;
  while (bundle.starts_with(kOpen) || bundle.starts_with(kFailedOpen)) {
    bool failed = bundle.starts_with(kFailedOpen);
    size_t end = bundle.find('\n');
    if (end == std::string_view::npos || end + 1 < kOpen.size() + kClose.size()) break;
    if (bundle.substr(0, end + 1).substr(end + 1 - kClose.size()) != kClose) break;
    std::string_view header = bundle.substr(kOpen.size(), end + 1 - kOpen.size() - kClose.size());
    bundle.remove_prefix(end + 1);

    Section section;
    if (failed) {
      FieldCursor fields(header);
      section.failed = true;
      section.error.code = code_from_word(fields.word().value_or(""));
      section.error.sys_errno = fields.number<int>().value_or(0);
      // The first bar: a name holds none, a detail may.
      std::string_view rest = fields.rest();
      size_t bar = rest.find(" |");
      section.name = trim(rest.substr(0, bar));
      section.error.where = section.name;
      if (bar != std::string_view::npos) section.error.detail = trim(rest.substr(bar + 2));
    } else {
      size_t space = header.rfind(' ');
      if (space == std::string_view::npos) break;
      auto length = parse_number<size_t>(header.substr(space + 1));
      if (!length || *length >= bundle.size() || bundle[*length] != '\n') break;
      section.name = header.substr(0, space);
      section.bytes = bundle.substr(0, *length);
      bundle.remove_prefix(*length + 1);
    }
    sections.push_back(std::move(section));
    whole = size - bundle.size();
  }
  if (whole_bytes) *whole_bytes = whole;
  return sections;
}

}  // namespace ec
