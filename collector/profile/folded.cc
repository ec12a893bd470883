#include "collector/profile/folded.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <unordered_map>

#include "collector/base/text.h"

namespace ec {

std::string folded_stacks(const std::vector<WeightedStack>& stacks) {
  std::map<std::string, uint64_t> lines;
  for (const WeightedStack& stack : stacks) {
    std::string line;
    for (const std::string& frame : stack.frames) {
      std::string name = printable_line(frame, 400);
      std::replace(name.begin(), name.end(), ';', ':');
      line += (line.empty() ? "" : ";") + name;
    }
    if (!line.empty()) lines[line] += stack.weight;
  }
  std::string text;
  for (const auto& [line, weight] : lines) fmt::format_to(std::back_inserter(text), "{} {}\n", line, weight);
  return text;
}

Result<OwnedPprof> parse_folded(std::string_view where, std::string_view text) {
  ProfileBuilder builder;
  builder.sample_type("samples", "count");
  uint32_t type = builder.text("samples"), unit = builder.text("count");
  builder.header().period_type = {type, unit};
  builder.header().period = 1;
  std::unordered_map<std::string_view, uint32_t> locations;
  auto location = [&](std::string_view name) {
    auto [place, is_new] = locations.try_emplace(name);
    if (is_new) {
      PprofFunction function;
      function.name = function.system_name = builder.text(name);
      PprofLine line{builder.function(function), 0, 0};
      place->second = builder.location({}, {&line, 1});
    }
    return place->second;
  };
  LineCursor lines(where, text);
  std::vector<uint32_t> stack;
  while (auto raw = lines.next()) {
    auto line = trim(*raw);
    if (line.empty() || line.starts_with('#')) continue;
    size_t space = line.find_last_of(" \t");
    auto count = space == std::string_view::npos ? std::nullopt : parse_number<int64_t>(line.substr(space + 1));
    auto frames = trim(line.substr(0, space));
    if (!count || *count < 0 || frames.empty()) return tl::unexpected(lines.expected("'FRAME;FRAME;… COUNT'"));
    stack.clear();
    for (std::string_view frame : split(frames, ';')) stack.push_back(location(frame));
    std::reverse(stack.begin(), stack.end());
    builder.sample(stack, {&*count, 1});
  }
  return std::move(builder).finish(where);
}

}  // namespace ec
