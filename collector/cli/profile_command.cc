#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "collector/base/text.h"
#include "collector/base/write_file.h"
#include "collector/cli/commands.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/load_profile.h"
#include "collector/cli/print.h"
#include "collector/cli/terminal.h"
#include "collector/profile/any_profile.h"
#include "collector/profile/goroutine_dump.h"
#include "collector/profile/gzip.h"
#include "collector/profile/pprof_writer.h"
#include "collector/report/flame_page.h"
#include "collector/report/goroutine_dumps.h"
#include "collector/report/pprof_json.h"
#include "collector/report/profile_json.h"
#include "collector/report/profile_text.h"
#include "symbolize/plain_name.h"

namespace ec {

namespace {

int refused(const Error& error) {
  complain(error);
  return error.code == ErrorCode::kUsage ? kUsage : kNothingCollected;
}

Result<std::vector<OwnedPprof>> load(const std::vector<std::string>& sources, const ProfileRequest& request) {
  std::vector<OwnedPprof> profiles;
  for (const std::string& source : sources) {
    auto profile = load_profile(source, request.debug_directories);
    if (!profile) return tl::unexpected(profile.error());
    for (const std::string& note : profile->notes) complain(note);
    profiles.push_back(std::move(profile->owned));
  }
  return profiles;
}

int show_report(const ProfileRequest& request, const ChosenProfile& chosen) {
  bool with_calls = request.view == ProfileRequest::View::kTree || request.view == ProfileRequest::View::kPeek;
  std::optional<Pattern> wanted;
  if (request.view == ProfileRequest::View::kPeek) {
    auto pattern = Pattern::compile("REGEX", request.wanted);
    if (!pattern) return refused(pattern.error());
    wanted = std::move(*pattern);
  }
  const Pattern* filter = wanted ? &*wanted : nullptr;
  ProfileReport report = report_functions(chosen, request.report);
  auto fits = [&](const ReportNode& node) { return filter->found_in(node.name); };
  if (filter && std::none_of(report.nodes.begin(), report.nodes.end(), fits)) {
    complain(fmt::format("no function matches '{}'", printable_line(request.wanted, 100)));
    return kNothingCollected;
  }
  print(request.json ? report_json(report, with_calls, filter)
        : with_calls ? tree_text(report, filter)
                     : top_text(report));
  return kComplete;
}

int show_folded(const ProfileRequest& request, const ChosenProfile& chosen) {
  CallTree tree = call_tree(chosen);
  print(request.json ? folded_json(tree) : folded_text(tree));
  return kComplete;
}

// `what` it is, for a person who sees it on the terminal.
int write_out(const std::string& output, std::string_view what, const std::string& bytes, bool binary = true) {
  if (output == "-") {
    if (binary && terminal_of(STDOUT_FILENO).is_terminal) {
      complain(fmt::format("the {} would go to the terminal; pipe it or give a file with -o", what));
      return kUsage;
    }
    print(bytes);
    return kComplete;
  }
  auto stored = store_file(output, bytes);
  return stored ? kComplete : refused(stored.error());
}

int write_profile(const ProfileRequest& request, const ChosenProfile& chosen) {
  const Pprof& profile = chosen.owned.profile;
  if (request.json) return write_out(request.output, "profile", pprof_json(profile), false);
  return write_out(request.output, "profile", write_pprof(profile));
}

int write_flame(const ProfileRequest& request, const ChosenProfile& chosen, std::vector<FlamePane> panes) {
  const Pprof& profile = chosen.owned.profile;
  const PprofValueType& type = profile.sample_types[chosen.sample_type];
  std::string title = fmt::format("{} of {}", profile.strings[type.type], request.sources.front());
  for (const std::string& filter : chosen.filters) title += ", " + filter;
  std::string_view unit = profile.strings[type.unit];
  if (request.json) {
    print(flame_json(title, unit, panes));
    return kComplete;
  }
  if (request.output.ends_with(".svg"))
    return write_out(request.output, "picture", flame_svg(title, weighted_stacks(panes.back().tree)));
  return write_out(request.output, "page", flame_page(title, unit, panes));
}

int show_flame(const ProfileRequest& request, const ChosenProfile& chosen) {
  return write_flame(request, chosen, {{"", call_tree(chosen)}});
}

// Both profiles beside each other, not their difference.
int compare_flames(const ProfileRequest& request, std::vector<OwnedPprof> before, std::vector<OwnedPprof> after,
                   ProfileQuery query) {
  query.base_is_total = false;
  auto old = choose_profile(std::move(before), {}, query);
  if (!old) return refused(old.error());
  auto now = choose_profile(std::move(after), {}, query);
  if (!now) return refused(now.error());
  for (const std::string& warning : now->warnings) complain(warning);
  return write_flame(request, *now,
                     {{request.base.front(), call_tree(*old)}, {request.sources.front(), call_tree(*now)}});
}

// Counted stacks in their two forms, and what a Go program printed, alone or in a log.
Result<std::string> goroutines_in(const std::string& source, bool json) {
  auto found = find_profile(source);
  if (!found) return tl::unexpected(found.error());
  auto dumps = looks_gzipped(found->bytes) ? std::vector<GoroutineDump>() : find_goroutine_dumps(found->bytes);
  if (!dumps.empty()) return json ? goroutine_dumps_json(dumps) : goroutine_dumps_text(dumps);
  auto show = [&](const Result<Goroutines>& goroutines) -> Result<std::string> {
    if (!goroutines) return tl::unexpected(goroutines.error());
    return json ? goroutine_groups_json(*goroutines) : goroutine_groups_text(*goroutines);
  };
  if (found->bytes.starts_with("goroutine profile:")) return show(parse_goroutine_text(found->where, found->bytes));
  auto profile = parse_profile(found->where, std::move(found->bytes));
  if (!profile) return tl::unexpected(profile.error());
  return show(goroutines_of(found->where, profile->owned.profile));
}

int show_goroutines(const ProfileRequest& request) {
  for (const std::string& source : request.sources) {
    auto text = goroutines_in(source, request.json);
    if (!text) return refused(text.error());
    print(*text);
  }
  return kComplete;
}

// What a view does with the samples that were chosen.
struct ViewRow {
  ProfileRequest::View view;
  int (*show)(const ProfileRequest& request, const ChosenProfile& chosen);
};
constexpr ViewRow kViews[] = {
    {ProfileRequest::View::kTop, show_report},     {ProfileRequest::View::kTree, show_report},
    {ProfileRequest::View::kPeek, show_report},    {ProfileRequest::View::kDiff, show_report},
    {ProfileRequest::View::kFolded, show_folded},  {ProfileRequest::View::kFlame, show_flame},
    {ProfileRequest::View::kMerge, write_profile}, {ProfileRequest::View::kConvert, write_profile},
};

}  // namespace

int run_command(const ProfileRequest& request) {
  if (request.view == ProfileRequest::View::kGoroutines) return show_goroutines(request);
  auto profiles = load(request.sources, request);
  if (!profiles) return refused(profiles.error());
  auto bases = load(request.base, request);
  if (!bases) return refused(bases.error());
  ProfileQuery query = request.query;
  query.demangle = plain_function;
  if (request.view == ProfileRequest::View::kFlame && query.base_is_total)
    return compare_flames(request, std::move(*bases), std::move(*profiles), query);
  auto chosen = choose_profile(std::move(*profiles), std::move(*bases), query);
  if (!chosen) return refused(chosen.error());
  for (const std::string& warning : chosen->warnings) complain(warning);
  auto row =
      std::find_if(std::begin(kViews), std::end(kViews), [&](const ViewRow& one) { return one.view == request.view; });
  return row->show(request, *chosen);
}

}  // namespace ec
