// What parses is written again and parses to the same.
#include <cstdlib>
#include <string>

#include "collector/base/bundle.h"
#include "collector/base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  size_t whole = 0;
  auto sections = ec::parse_bundle(bytes, &whole);
  if (whole > size) std::abort();
  std::string again;
  for (const ec::Section& section : sections) {
    if (section.failed)
      ec::append_failed_section(again, section.name, section.error);
    else
      ec::append_section(again, section.name, section.bytes);
  }
  auto twice = ec::parse_bundle(again);
  if (twice.size() != sections.size()) std::abort();
  for (size_t i = 0; i < sections.size(); ++i)
    if (twice[i].bytes != sections[i].bytes || twice[i].failed != sections[i].failed) std::abort();
  ec::printable_utf8(bytes);
  ec::printable_line(bytes, size % 64);
  ec::unescape_octal(bytes);
  return 0;
}
