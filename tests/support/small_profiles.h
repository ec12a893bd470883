// Profiles of a few stacks, for tests that show the stacks beside what is expected of them.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "collector/base/text.h"
#include "collector/profile/profile_builder.h"

namespace ec::test {

struct SmallSample {
  std::string
      stack;  // "main;run;inlined|leaf": outermost first, what is left of a | is inlined into what is right of it
  std::vector<int64_t> values;
  std::vector<std::pair<std::string, std::string>> labels = {};
};

struct SmallProfile {
  std::vector<std::pair<std::string, std::string>> types = {{"cpu", "nanoseconds"}};
  std::vector<SmallSample> samples = {};
  std::string drop = "", keep = "", default_type = "";
  uint64_t start = 0x400000;  // of the mapping: another one for another run of the program
};

inline OwnedPprof small_profile(const SmallProfile& wanted) {
  ProfileBuilder builder;
  for (const auto& [type, unit] : wanted.types) builder.sample_type(type, unit);
  uint32_t file = builder.text("/bin/program");
  uint32_t mapping = builder.mapping({.start = wanted.start, .limit = wanted.start + 0x1000, .file = file});
  for (const SmallSample& sample : wanted.samples) {
    std::vector<uint32_t> stack;
    auto frames = split(sample.stack, ';');
    for (size_t i = frames.size(); i-- > 0 && !sample.stack.empty();) {
      std::vector<PprofLine> lines;
      for (std::string_view name : split(frames[i], '|')) {
        uint32_t text = builder.text(name);
        lines.push_back({builder.function({.name = text, .system_name = text}), 1});
      }
      uint64_t address = wanted.start + std::hash<std::string_view>()(frames[i]) % 0x1000;
      stack.push_back(builder.location({.address = address, .mapping = mapping}, lines));
    }
    std::vector<PprofLabel> labels;
    for (const auto& [key, text] : sample.labels)
      labels.push_back({.key = builder.text(key), .text = builder.text(text)});
    builder.sample(stack, sample.values, labels);
  }
  builder.header().drop_frames = builder.text(wanted.drop);
  builder.header().keep_frames = builder.text(wanted.keep);
  builder.header().default_sample_type = builder.text(wanted.default_type);
  auto built = std::move(builder).finish("small");
  REQUIRE(built);
  return std::move(*built);
}

// "main;run;inlined|leaf 5" for each sample, in their order.
inline std::vector<std::string> stacks_of(const Pprof& profile) {
  std::vector<std::string> all;
  for (const PprofSample& sample : profile.samples) {
    std::string text;
    for (uint32_t i = sample.locations.count; i-- > 0;) {
      const PprofLocation& location = profile.locations[profile.stack[sample.locations.first + i]];
      if (!text.empty()) text += ';';
      for (uint32_t j = 0; j < location.lines.count; ++j) {
        const PprofFunction& function = profile.functions[profile.lines[location.lines.first + j].function];
        text += (j ? "|" : "") + std::string(profile.strings[function.name]);
      }
    }
    for (uint32_t i = 0; i < sample.values.count; ++i)
      text += " " + std::to_string(profile.values[sample.values.first + i]);
    for (uint32_t i = 0; i < sample.labels.count; ++i) {
      const PprofLabel& label = profile.labels[sample.labels.first + i];
      text += fmt::format(" {}={}", profile.strings[label.key], profile.strings[label.text]);
    }
    all.push_back(text);
  }
  return all;
}

}  // namespace ec::test
