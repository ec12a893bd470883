#include "collector/profile/merge.h"

#include <algorithm>
#include <cmath>

#include "collector/base/text.h"
#include "collector/profile/measurement.h"

namespace ec {

namespace {

constexpr uint32_t kUnset = UINT32_MAX;

struct Source {
  const Pprof* profile;
  double scale = 1;
  bool mark_base = false;
};

std::string in_words(const Pprof& profile, PprofValueType type) {
  return fmt::format("{}/{}", printable_line(profile.strings[type.type], 60),
                     printable_line(profile.strings[type.unit], 30));
}

std::string_view without_s(std::string_view text) {
  if (text.ends_with('s')) text.remove_suffix(1);
  return text;
}

// The finest of units that go together.
class CommonUnit {
 public:
  Result<void> add(const Pprof& profile, PprofValueType type) {
    std::string_view name = profile.strings[type.type], unit = profile.strings[type.unit];
    if (!first_) {
      first_ = &profile;
      first_type_ = type;
      name_ = name, unit_ = unit;
      return {};
    }
    if (without_s(name) != without_s(name_) || !units_compatible(unit, unit_))
      return fail(ErrorCode::kUsage, "profiles that do not go together",
                  fmt::format("values are {} and {}", in_words(*first_, first_type_), in_words(profile, type)));
    if (scale_measurement(1, unit, unit_).value < 1) name_ = name, unit_ = unit;
    return {};
  }
  std::string_view unit() const { return unit_; }

 private:
  const Pprof* first_ = nullptr;
  PprofValueType first_type_;
  std::string_view name_, unit_;
};

class Merger {
 public:
  explicit Merger(std::span<const Source> sources) : sources_(sources) {}

  Result<OwnedPprof> merge() {
    if (auto good = header(); !good) return tl::unexpected(good.error());
    for (const Source& source : sources_) add(source);
    return std::move(builder_).finish("the merged profile");
  }

 private:
  Result<void> header() {
    const Pprof& first = *sources_.front().profile;
    CommonUnit period;
    units_.resize(first.sample_types.size());
    for (const Source& source : sources_) {
      const Pprof& profile = *source.profile;
      if (profile.sample_types.size() != units_.size())
        return fail(
            ErrorCode::kUsage, "profiles that do not go together",
            fmt::format("they have {} and {} values for each stack", units_.size(), profile.sample_types.size()));
      for (size_t i = 0; i < units_.size(); ++i)
        if (auto good = units_[i].add(profile, profile.sample_types[i]); !good) return good;
      if (auto good = period.add(profile, profile.period_type); !good) return good;
    }
    auto same = [&](const Source& other, PprofValueType a, PprofValueType b) {
      return first.strings[a.type] == other.profile->strings[b.type];
    };
    for (const Source& source : sources_) {  // "sample" and "samples" have one unit, and are two types
      bool good = same(source, first.period_type, source.profile->period_type);
      for (size_t i = 0; i < units_.size(); ++i)
        good = good && same(source, first.sample_types[i], source.profile->sample_types[i]);
      if (!good) return fail(ErrorCode::kUsage, "profiles that do not go together", "their types of values differ");
    }
    for (size_t i = 0; i < units_.size(); ++i)
      builder_.sample_type(first.strings[first.sample_types[i].type], units_[i].unit());
    fill_header(first, period.unit());
    return {};
  }

  void fill_header(const Pprof& first, std::string_view period_unit) {
    Pprof& out = builder_.header();
    auto text = [&](const Pprof& profile, uint32_t index) { return builder_.text(profile.strings[index]); };
    out.period_type = {text(first, first.period_type.type), builder_.text(period_unit)};
    out.drop_frames = text(first, first.drop_frames);
    out.keep_frames = text(first, first.keep_frames);
    out.doc_url = text(first, first.doc_url);
    for (const Source& source : sources_) {
      const Pprof& profile = *source.profile;
      if (out.time_ns == 0 || profile.time_ns < out.time_ns) out.time_ns = profile.time_ns;
      out.duration_ns = wrapping_sum(out.duration_ns, profile.duration_ns);
      int64_t period =
          truncated(scale_measurement(profile.period, profile.strings[profile.period_type.unit], period_unit).value);
      if (sources_.size() == 1) period = profile.period;
      if (out.period == 0 || out.period < period) out.period = period;
      if (out.default_sample_type == 0) out.default_sample_type = text(profile, profile.default_sample_type);
      for (uint32_t comment : profile.comments) comments_.push_back(text(profile, comment));
    }
    std::vector<bool> known(out.strings.size());
    for (uint32_t comment : comments_) {
      if (!known[comment]) out.comments.push_back(comment);
      known[comment] = true;
    }
  }

  void add(const Source& source) {
    in_ = source.profile;
    texts_.assign(in_->strings.size(), kUnset);
    mappings_.assign(in_->mappings.size(), {kUnset, 0});
    functions_.assign(in_->functions.size(), kUnset);
    locations_.assign(in_->locations.size(), kUnset);
    // The first mapping is the program itself: it stays the first.
    if (builder_.header().mappings.empty() && !in_->mappings.empty()) mapping(0);
    std::vector<double> ratios;
    for (size_t i = 0; i < units_.size(); ++i) {
      std::string_view unit = in_->strings[in_->sample_types[i].unit];
      ratios.push_back(sources_.size() == 1 ? 1 : scale_measurement(1, unit, units_[i].unit()).value);
    }
    for (const PprofSample& one : in_->samples) sample(one, source, ratios);
  }

  void sample(const PprofSample& sample, const Source& source, const std::vector<double>& ratios) {
    values_.clear();
    bool scaled = false, scaled_any = false, any = false;
    for (size_t i = 0; i < ratios.size(); ++i) {
      int64_t value = in_->values[sample.values.first + i];
      if (source.scale != 1) value = truncated(std::round(static_cast<double>(value) * source.scale));
      if (ratios[i] != 1) {
        value = truncated(std::round(static_cast<double>(value) * ratios[i]));
        scaled = true;
        scaled_any = scaled_any || value != 0;
      }
      any = any || value != 0;
      values_.push_back(value);
    }
    if (!any || (scaled && !scaled_any)) return;
    stack_.clear();
    for (uint32_t i = 0; i < sample.locations.count; ++i)
      stack_.push_back(location(in_->stack[sample.locations.first + i]));
    labels(sample, source.mark_base);
    builder_.sample(stack_, values_, labels_);
  }

  // In an order that does not depend on how they were written; numbers of 0 without a unit say nothing.
  void labels(const PprofSample& sample, bool mark_base) {
    labels_.clear();
    for (uint32_t i = 0; i < sample.labels.count; ++i) {
      const PprofLabel& label = in_->labels[sample.labels.first + i];
      if (label.text == 0 && label.number == 0 && label.unit == 0) continue;
      if (mark_base && in_->strings[label.key] == kBaseLabel) continue;
      if (label.text != 0)
        labels_.push_back({.key = text(label.key), .text = text(label.text)});
      else
        labels_.push_back({.key = text(label.key), .unit = text(label.unit), .number = label.number});
    }
    if (mark_base) labels_.push_back({.key = builder_.text(kBaseLabel), .text = builder_.text("true")});
    std::stable_sort(labels_.begin(), labels_.end(), [](const PprofLabel& a, const PprofLabel& b) {
      return std::pair(a.text == 0, a.key) < std::pair(b.text == 0, b.key);
    });
  }

  uint32_t text(uint32_t index) {
    if (texts_[index] == kUnset) texts_[index] = builder_.text(in_->strings[index]);
    return texts_[index];
  }

  struct Place {
    uint32_t mapping;
    uint64_t offset;  // what addresses move by
  };

  Place mapping(uint32_t index) {
    if (mappings_[index].mapping != kUnset) return mappings_[index];
    const PprofMapping& from = in_->mappings[index];
    constexpr uint64_t kPage = 0x1000;
    uint64_t size = from.limit - from.start + kPage - 1;
    Key key{size - size % kPage, from.file_offset, from.build_id != 0 ? text(from.build_id) : text(from.file)};
    auto next = static_cast<uint32_t>(keys_.size());
    uint64_t hash = RowHash().add(key.size).add(key.file_offset).add(key.name).value();
    uint32_t found = key_index_.find_or_add(hash, next, [&](uint32_t row) { return keys_[row] == key; });
    if (found == next) {
      PprofMapping copy = from;
      copy.file = text(from.file);
      copy.build_id = text(from.build_id);
      keys_.push_back(key);
      mapped_.push_back({builder_.mapping(copy), from.start});
    }
    return mappings_[index] = {mapped_[found].mapping, mapped_[found].offset - from.start};
  }

  uint32_t function(uint32_t index) {
    if (functions_[index] == kUnset) {
      PprofFunction copy = in_->functions[index];
      copy.name = text(copy.name);
      copy.system_name = text(copy.system_name);
      copy.file = text(copy.file);
      functions_[index] = builder_.function(copy);
    }
    return functions_[index];
  }

  uint32_t location(uint32_t index) {
    if (locations_[index] != kUnset) return locations_[index];
    PprofLocation copy = in_->locations[index];
    if (copy.mapping != kNoPprofMapping) {
      Place place = mapping(copy.mapping);
      copy.mapping = place.mapping;
      copy.address += place.offset;
    }
    lines_.clear();
    for (uint32_t i = 0; i < copy.lines.count; ++i) {
      PprofLine line = in_->lines[copy.lines.first + i];
      line.function = function(line.function);
      lines_.push_back(line);
    }
    return locations_[index] = builder_.location(copy, lines_);
  }

  struct Key {
    uint64_t size, file_offset;
    uint32_t name;
    bool operator==(const Key&) const = default;
  };

  std::span<const Source> sources_;
  ProfileBuilder builder_;
  std::vector<CommonUnit> units_;  // by sample type
  std::vector<uint32_t> comments_;
  std::vector<Key> keys_;  // of the mappings so far
  std::vector<Place> mapped_;
  RowIndex key_index_;

  const Pprof* in_ = nullptr;  // the source that is being added, and where its rows went
  std::vector<uint32_t> texts_, functions_, locations_;
  std::vector<Place> mappings_;
  std::vector<int64_t> values_;
  std::vector<uint32_t> stack_;
  std::vector<PprofLabel> labels_;
  std::vector<PprofLine> lines_;
};

bool has_zero_sample(const Pprof& profile) {
  return std::any_of(profile.samples.begin(), profile.samples.end(), [&](const PprofSample& sample) {
    auto first = profile.values.begin() + sample.values.first;
    return std::all_of(first, first + sample.values.count, [](int64_t value) { return value == 0; });
  });
}

Result<OwnedPprof> merge(std::span<const Source> sources) {
  auto merged = Merger(sources).merge();
  if (!merged || !has_zero_sample(merged->profile)) return merged;
  // Once more without them, and without what only they refer to.
  const Source source{&merged->profile};
  return Merger({&source, 1}).merge();
}

}  // namespace

Result<OwnedPprof> merge_profiles(std::span<const OwnedPprof> profiles) {
  if (profiles.empty()) return fail(ErrorCode::kUsage, "merge", "no profile");
  std::vector<Source> sources;
  for (const OwnedPprof& one : profiles) sources.push_back({&one.profile});
  return merge(sources);
}

Result<OwnedPprof> subtract_profile(const OwnedPprof& profile, const OwnedPprof& base, bool mark_base) {
  const Source sources[] = {{&profile.profile}, {&base.profile, -1, mark_base}};
  return merge(sources);
}

}  // namespace ec
