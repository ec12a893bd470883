// A profile as lines that tests can compare.
#pragma once

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "collector/base/text.h"
#include "collector/profile/pprof.h"

namespace ec::test {

inline std::string fixture(const std::string& name) {
  std::ifstream file(std::string(EC_FIXTURES) + "/" + name, std::ios::binary);
  REQUIRE(file.good());
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// "main.wait main.go:20" of the innermost line, or "0x1234" of a location without names.
inline std::string location_text(const Pprof& profile, uint32_t index) {
  const PprofLocation& location = profile.locations[index];
  if (location.lines.count == 0) return fmt::format("{:#x}", location.address);
  const PprofLine& line = profile.lines[location.lines.first];
  const PprofFunction& function = profile.functions[line.function];
  std::string text(profile.strings[function.name]);
  if (function.file != 0) text += fmt::format(" {}:{}", profile.strings[function.file], line.line);
  return text;
}

// "300 19660800 {65536} @ main.fill, main.main": values, numbers of labels, stack from the innermost frame.
inline std::vector<std::string> sample_lines(const Pprof& profile) {
  std::vector<std::string> lines;
  for (const PprofSample& sample : profile.samples) {
    std::string line;
    for (uint32_t i = 0; i < sample.values.count; ++i)
      line += fmt::format("{} ", profile.values[sample.values.first + i]);
    for (uint32_t i = 0; i < sample.labels.count; ++i)
      line += fmt::format("{{{}}} ", profile.labels[sample.labels.first + i].number);
    line += "@";
    for (uint32_t i = 0; i < sample.locations.count; ++i)
      line += (i == 0 ? " " : ", ") + location_text(profile, profile.stack[sample.locations.first + i]);
    lines.push_back(line);
  }
  return lines;
}

// "alloc_objects/count alloc_space/bytes"
inline std::string type_line(const Pprof& profile) {
  std::string line;
  for (const PprofValueType& type : profile.sample_types)
    line += fmt::format("{}{}/{}", line.empty() ? "" : " ", profile.strings[type.type], profile.strings[type.unit]);
  return line;
}

}  // namespace ec::test
