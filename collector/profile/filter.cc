#include "collector/profile/filter.h"

#include <algorithm>

namespace ec {

namespace {

// What one pattern matches. A function is asked for once, however many places it has.
class Matches {
 public:
  Matches(const Pprof& profile, const std::optional<Pattern>& pattern) : profile_(profile), on_(pattern.has_value()) {
    if (!pattern) return;
    std::vector<char> strings(profile.strings.size(), kUnknown);
    auto matches = [&](uint32_t string) {
      if (strings[string] == kUnknown) strings[string] = pattern->found_in(profile.strings[string]);
      return strings[string] != 0;
    };
    for (const PprofFunction& one : profile.functions) functions_.push_back(matches(one.name) || matches(one.file));
    for (const PprofMapping& one : profile.mappings) mappings_.push_back(matches(one.file));
  }

  explicit operator bool() const { return on_; }
  bool line(const PprofLine& line) const { return functions_[line.function]; }
  bool mapping(const PprofLocation& location) const {
    return location.mapping != kNoPprofMapping && mappings_[location.mapping];
  }
  bool location(const PprofLocation& location) const {
    auto first = profile_.lines.begin() + location.lines.first;
    return mapping(location) ||
           std::any_of(first, first + location.lines.count, [&](const PprofLine& one) { return line(one); });
  }

 private:
  static constexpr char kUnknown = 2;
  const Pprof& profile_;
  bool on_;
  std::vector<bool> functions_, mappings_;
};

class NameFilter {
 public:
  NameFilter(Pprof& profile, const SampleFilter& filter)
      : profile_(profile),
        focus_(profile, filter.focus),
        ignore_(profile, filter.ignore),
        hide_(profile, filter.hide),
        show_(profile, filter.show) {}

  void run(FilterMatches& matched) {
    std::vector<bool> focused, ignored, hidden;
    bool any_hidden = false;
    for (PprofLocation& location : profile_.locations) {
      bool out = ignore_ && ignore_.location(location);
      bool in = !out && (!focus_ || focus_.location(location));
      matched.ignore = matched.ignore || out;
      matched.focus = matched.focus || in;
      focused.push_back(in);
      ignored.push_back(out);
      hidden.push_back(hide(location, matched));
      any_hidden = any_hidden || hidden.back();
    }
    std::erase_if(profile_.samples, [&](PprofSample& sample) {
      auto first = profile_.stack.begin() + sample.locations.first, end = first + sample.locations.count;
      if (std::any_of(first, end, [&](uint32_t at) { return ignored[at]; })) return true;
      if (std::none_of(first, end, [&](uint32_t at) { return focused[at]; })) return true;
      if (!any_hidden) return false;
      auto left = std::remove_if(first, end, [&](uint32_t at) { return hidden[at]; });
      sample.locations.count = static_cast<uint32_t>(left - first);
      return left == first;
    });
  }

 private:
  // True when nothing is left of the location. Lines are the location's own: nobody else's move.
  bool hide(PprofLocation& location, FilterMatches& matched) {
    bool emptied = false;
    if (hide_ && hide_.location(location)) {
      matched.hide = true;
      keep_lines(location, [&](const PprofLine& line) { return !hide_.mapping(location) && !hide_.line(line); });
      emptied = location.lines.count == 0;
    }
    if (show_) {
      if (!show_.mapping(location)) keep_lines(location, [&](const PprofLine& line) { return show_.line(line); });
      if (location.lines.count == 0) return true;
      matched.show = true;
    }
    return emptied;
  }

  template <class Wanted>
  void keep_lines(PprofLocation& location, Wanted wanted) {
    auto first = profile_.lines.begin() + location.lines.first;
    auto left = std::remove_if(first, first + location.lines.count, [&](const PprofLine& one) { return !wanted(one); });
    location.lines.count = static_cast<uint32_t>(left - first);
  }

  Pprof& profile_;
  Matches focus_, ignore_, hide_, show_;
};

// Any of its labels of text, as "key:value".
bool has_label(const Pprof& profile, const PprofSample& sample, const Pattern& pattern) {
  for (uint32_t i = 0; i < sample.labels.count; ++i) {
    const PprofLabel& label = profile.labels[sample.labels.first + i];
    if (label.text == 0) continue;
    std::string text(profile.strings[label.key]);
    if (pattern.found_in(text.append(":").append(profile.strings[label.text]))) return true;
  }
  return false;
}

// "a::b(int)" → "a::b"; "(anonymous namespace)" and "operator()" are no parameters.
std::string_view without_arguments(std::string_view name) {
  constexpr std::string_view kUnnamed = "(anonymous namespace)", kOperator = "operator()";
  if (name.starts_with('.')) name.remove_prefix(1);  // of functions in the PowerPC ELF ABI
  for (size_t at = name.find('('); at != std::string_view::npos; at = name.find('(', at)) {
    if (name.substr(at).starts_with(kUnnamed)) {
      at += kUnnamed.size();
    } else if (at >= kOperator.size() - 2 && name.substr(at + 2 - kOperator.size()).starts_with(kOperator)) {
      at += 2;
    } else {
      return name.substr(0, at);
    }
  }
  return name;
}

class Pruner {
 public:
  // `steps_left` is 0 when the patterns took too long; then run() must not be called.
  Pruner(Pprof& profile, const Pattern& drop, const std::optional<Pattern>& keep, size_t& steps_left)
      : profile_(profile) {
    for (const PprofFunction& function : profile.functions) {
      std::string_view name = without_arguments(profile.strings[function.name]);
      bool named = !profile.strings[function.name].empty();
      dropped_.push_back(named && drop.found_in(name, steps_left) && !(keep && keep->found_in(name, steps_left)));
    }
  }

  void run() {
    for (PprofLocation& location : profile_.locations) cuts_.push_back(cut(location));
    for (PprofSample& sample : profile_.samples) cut(sample);
  }

 private:
  enum class Cut : uint8_t { kNothing, kBelow, kAll };

  Cut cut(PprofLocation& location) const {
    for (uint32_t i = location.lines.count; i-- > 0;) {
      if (!dropped_[profile_.lines[location.lines.first + i].function]) continue;
      if (i + 1 == location.lines.count) return Cut::kAll;
      location.lines = {location.lines.first + i + 1, location.lines.count - i - 1};
      return Cut::kBelow;
    }
    return Cut::kNothing;
  }

  // From the root on; what stands above the first frame of interest stays, or nothing would.
  void cut(PprofSample& sample) const {
    bool interesting = false;
    for (uint32_t i = sample.locations.count; i-- > 0;) {
      Cut cut = cuts_[profile_.stack[sample.locations.first + i]];
      if (cut == Cut::kNothing) {
        interesting = true;
      } else if (interesting) {
        uint32_t gone = cut == Cut::kAll ? i + 1 : i;
        sample.locations = {sample.locations.first + gone, sample.locations.count - gone};
        return;
      }
    }
  }

  Pprof& profile_;
  std::vector<bool> dropped_;  // by function
  std::vector<Cut> cuts_;      // by location
};

}  // namespace

FilterMatches filter_samples(Pprof& profile, const SampleFilter& filter) {
  FilterMatches matched;
  NameFilter(profile, filter).run(matched);
  if (filter.tag_focus || filter.tag_ignore)
    std::erase_if(profile.samples, [&](const PprofSample& sample) {
      bool in = !filter.tag_focus || has_label(profile, sample, *filter.tag_focus);
      bool out = filter.tag_ignore && has_label(profile, sample, *filter.tag_ignore);
      matched.tag_focus = matched.tag_focus || in;
      matched.tag_ignore = matched.tag_ignore || out;
      return !in || out;
    });
  return matched;
}

Result<void> drop_uninteresting(Pprof& profile) {
  constexpr size_t kMostSteps = 1'000'000'000;  // a few seconds at worst; 30,000 names beside the allocators' frames
  auto compiled = [&](const char* where, uint32_t string) {
    return Pattern::compile(where, fmt::format("^({})$", profile.strings[string]));
  };
  if (profile.strings[profile.drop_frames].empty()) return {};
  auto drop = compiled("drop_frames of the profile", profile.drop_frames);
  if (!drop) return tl::unexpected(drop.error());
  std::optional<Pattern> keep;
  if (!profile.strings[profile.keep_frames].empty()) {
    auto wanted = compiled("keep_frames of the profile", profile.keep_frames);
    if (!wanted) return tl::unexpected(wanted.error());
    keep = std::move(*wanted);
  }
  size_t steps_left = kMostSteps;
  Pruner pruner(profile, *drop, keep, steps_left);
  if (steps_left == 0) return fail(ErrorCode::kUnsupported, "drop_frames of the profile", "too slow for so many names");
  pruner.run();
  return {};
}

}  // namespace ec
