#include "collector/profile/profile_query.h"

#include <algorithm>

#include "collector/base/text.h"
#include "collector/profile/filter.h"
#include "collector/profile/measurement.h"
#include "collector/profile/merge.h"

namespace ec {

namespace {

std::string type_names(const Pprof& profile) {
  constexpr size_t kMostNames = 20;
  std::string names;
  for (size_t i = 0; i < std::min(profile.sample_types.size(), kMostNames); ++i)
    names += (i ? ", " : "") + printable_line(profile.strings[profile.sample_types[i].type], 60);
  return names;
}

// What is taken off cancels what it equals only in the sum over one stack: such samples are brought together first.
bool has_negative(const Pprof& profile) {
  return std::any_of(profile.values.begin(), profile.values.end(), [](int64_t value) { return value < 0; });
}

Result<OwnedPprof> added_up(std::vector<OwnedPprof> profiles) {
  if (profiles.size() == 1 && !has_negative(profiles[0].profile)) return std::move(profiles[0]);
  return merge_profiles(profiles);
}

bool is_of_base(const Pprof& profile, const PprofSample& sample) {
  for (uint32_t i = 0; i < sample.labels.count; ++i) {
    const PprofLabel& label = profile.labels[sample.labels.first + i];
    if (profile.strings[label.key] == kBaseLabel && profile.strings[label.text] == "true") return true;
  }
  return false;
}

int64_t total_of(const Pprof& profile, size_t sample_type) {
  int64_t total = 0, of_base = 0;
  for (const PprofSample& sample : profile.samples) {
    int64_t value = wrapping_abs(profile.values[sample.values.first + sample_type]);
    total = wrapping_sum(total, value);
    if (sample.labels.count && is_of_base(profile, sample)) of_base = wrapping_sum(of_base, value);
  }
  return of_base > 0 ? of_base : total;
}

struct FilterRow {
  const char* name;
  std::string ProfileQuery::*text;
  std::optional<Pattern> SampleFilter::*pattern;
  bool FilterMatches::*matched;
};
constexpr FilterRow kFilters[] = {
    {"focus", &ProfileQuery::focus, &SampleFilter::focus, &FilterMatches::focus},
    {"ignore", &ProfileQuery::ignore, &SampleFilter::ignore, &FilterMatches::ignore},
    {"hide", &ProfileQuery::hide, &SampleFilter::hide, &FilterMatches::hide},
    {"show", &ProfileQuery::show, &SampleFilter::show, &FilterMatches::show},
    {"tagfocus", &ProfileQuery::tag_focus, &SampleFilter::tag_focus, &FilterMatches::tag_focus},
    {"tagignore", &ProfileQuery::tag_ignore, &SampleFilter::tag_ignore, &FilterMatches::tag_ignore},
};

Result<SampleFilter> compiled(const ProfileQuery& query) {
  SampleFilter filter;
  for (const FilterRow& row : kFilters) {
    if ((query.*row.text).empty()) continue;
    auto pattern = Pattern::compile(row.name, query.*row.text);
    if (!pattern) return tl::unexpected(pattern.error());
    filter.*row.pattern = std::move(*pattern);
  }
  return filter;
}

void apply(const SampleFilter& filter, const ProfileQuery& query, ChosenProfile& chosen) {
  bool any = std::any_of(std::begin(kFilters), std::end(kFilters),
                         [&](const FilterRow& row) { return (filter.*row.pattern).has_value(); });
  if (!any) return;
  FilterMatches matched = filter_samples(chosen.owned.profile, filter);
  for (const FilterRow& row : kFilters) {
    if (!(filter.*row.pattern)) continue;
    chosen.filters.push_back(fmt::format("{}={}", row.name, query.*row.text));
    if (!(matched.*row.matched)) chosen.warnings.push_back(fmt::format("{} matched nothing", chosen.filters.back()));
  }
}

}  // namespace

Result<size_t> choose_sample_type(const Pprof& profile, std::string_view wanted) {
  size_t count = profile.sample_types.size();
  auto find = [&](std::string_view name) {
    auto named = [&](PprofValueType type) { return profile.strings[type.type] == name; };
    auto place = std::find_if(profile.sample_types.begin(), profile.sample_types.end(), named);
    return static_cast<size_t>(place - profile.sample_types.begin());
  };
  if (wanted.empty()) {
    std::string_view usual = profile.strings[profile.default_sample_type];
    size_t index = usual.empty() ? count : find(usual);
    return index < count ? index : count - 1;
  }
  if (auto number = parse_number<size_t>(wanted)) {
    if (*number < count) return *number;
    return fail(ErrorCode::kUsage, "--sample-index",
                fmt::format("expected 0 to {}, or {}", count - 1, type_names(profile)));
  }
  std::string_view short_name = wanted.starts_with("inuse_") ? wanted.substr(6) : wanted;
  size_t index = std::min(find(wanted), find(short_name));
  if (index < count) return index;
  return fail(ErrorCode::kUsage, "--sample-index", "expected one of " + type_names(profile));
}

Result<ChosenProfile> choose_profile(std::vector<OwnedPprof> profiles, std::vector<OwnedPprof> bases,
                                     const ProfileQuery& query) {
  auto filter = compiled(query);
  if (!filter) return tl::unexpected(filter.error());
  auto owned = added_up(std::move(profiles));
  if (owned && !bases.empty()) {
    auto base = added_up(std::move(bases));
    owned = base ? subtract_profile(*owned, *base, query.base_is_total) : std::move(base);
  }
  if (!owned) return tl::unexpected(owned.error());

  ChosenProfile chosen;
  chosen.owned = std::move(*owned);
  simplify_names(chosen.owned, query.demangle);
  // A profile whose own pattern is wrong is shown with all of its frames.
  if (auto good = drop_uninteresting(chosen.owned.profile); !good) chosen.warnings.push_back(good.error().message());
  auto sample_type = choose_sample_type(chosen.owned.profile, query.sample_index);
  if (!sample_type) return tl::unexpected(sample_type.error());
  chosen.sample_type = *sample_type;
  chosen.total = total_of(chosen.owned.profile, chosen.sample_type);
  apply(*filter, query, chosen);
  return chosen;
}

}  // namespace ec
