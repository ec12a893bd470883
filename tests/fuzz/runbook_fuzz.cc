// An organisation's runbook and the text that the report shows: neither may crash, and neither may become markup.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/base/text.h"
#include "collector/report/json_text.h"
#include "collector/report/runbook.h"
#include "collector/report/text_layout.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void layout(std::string_view text) {
  using namespace ec;
  std::string plain = plain_line(text);
  require(plain.find('\n') == std::string::npos && plain.find('\x1b') == std::string::npos);
  require(printable_utf8(plain) == plain);
  std::string markdown = markdown_text(text);
  require(markdown.find('<') == std::string::npos);
  for (size_t at = markdown.find("://"); at != std::string::npos; at = markdown.find("://", at + 1))
    require(at > 0 && markdown[at - 1] == '\\');
  std::string code = markdown_code(text);
  require(code.empty() || (code.front() == '`' && code.back() == '`'));
  for (size_t columns : {1, 2, 7, 80}) {
    require(display_width(clip(plain, columns)) <= columns);
    for (auto& line : wrap(plain, columns)) require(columns < 2 || display_width(line) <= columns);
  }
  std::string json;
  append_json_string(json, text);
  for (char c : json) require(static_cast<unsigned char>(c) >= 0x20);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    auto runbook = ec::parse_runbook("fuzz.md", text);
    if (runbook)
      require(!runbook->id.empty() && runbook->id.find('/') == std::string::npos && runbook->commands.size() <= 64);
  } else {
    layout(text);
  }
  return 0;
}
