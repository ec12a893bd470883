// Options of `profile` and its views.
#include <optional>
#include <utility>

#include "collector/cli/options_subcommand.h"

namespace ec {

namespace {

using View = ProfileRequest::View;

// What a view takes, besides its profiles.
struct ViewRow {
  View view;
  const char *name, *text;
  bool samples = true, report = false, json = true, output = false;
};
constexpr ViewRow kViews[] = {
    {View::kTop, "top", "The functions that cost most, as go tool pprof -top prints them", true, true},
    {View::kTree, "tree", "The same with their callers and callees", true, true},
    {View::kPeek, "peek", "The functions that match REGEX with their callers and callees", true, true},
    {View::kDiff, "diff", "What grew and what shrank from OLD to NEW, in percent of OLD", true, true},
    {View::kFolded, "folded", "One line for each stack, as flame graph tools read them", true},
    {View::kFlame, "flame", "A flame graph: one page for a browser, or SVG when PATH ends so; with --diff-base both",
     true, false, true, true},
    {View::kGoroutines, "goroutines", "Goroutines by stack and by what they wait for", false},
    {View::kMerge, "merge", "One profile of many, written as profile.proto", true, false, true, true},
    {View::kConvert, "convert", "The profile as profile.proto, packed: what go tool pprof reads", true, false, true,
     true},
};

class ProfileOptions : public Subcommand {
 public:
  explicit ProfileOptions(CLI::App& app);
  Request request() override;

 private:
  void add_sources(CLI::App& view);
  void add_choice_of_samples(CLI::App& view);
  void add_report(CLI::App& view);

  std::vector<std::pair<ProfileRequest::View, CLI::App*>> views_;
  ProfileRequest request_;
  std::vector<std::string> base_, diff_base_;
  std::string before_, after_;  // of diff
  std::optional<size_t> node_count_;
};

ProfileOptions::ProfileOptions(CLI::App& app)
    : Subcommand(app.add_subcommand("profile", "Reads profiles: what costs most, what grew, who calls whom")) {
  app_->require_subcommand(1);
  app_->footer(
      "FILE is a profile in any form: pprof, gperftools (CPU, heap, growth, contention), the text of Go's debug=1, "
      "folded\n"
      "stacks; for goroutines also a log with the stacks of a Go program that died; - for standard input. Of an\n"
      "archive, NAME is the end of a path below profiles/:\n"
      "  emergency-collect profile top incident.tar.zst:heap --sample-index inuse_objects\n"
      "  emergency-collect profile diff yesterday.tar.zst:heap today.tar.zst:heap");
  for (const ViewRow& row : kViews) {
    CLI::App* view = app_->add_subcommand(row.name, row.text);
    views_.emplace_back(row.view, view);
    if (row.view == View::kPeek)
      view->add_option("REGEX", request_.wanted, "Regular expression over names of functions")->required();
    if (row.view == View::kDiff) {
      view->add_option("OLD", before_, "FILE or ARCHIVE[:NAME]")->required();
      view->add_option("NEW", after_, "FILE or ARCHIVE[:NAME]")->required();
    } else {
      add_sources(*view);
      if (row.samples) {
        view->add_option("--base", base_, "Profile to take off; repeatable")
            ->allow_extra_args(false)
            ->type_name("FILE");
        view->add_option("--diff-base", diff_base_, "The same, and percentages are of it; repeatable")
            ->allow_extra_args(false)
            ->type_name("FILE");
      }
    }
    if (row.samples) add_choice_of_samples(*view);
    if (row.report) add_report(*view);
    if (row.json)
      view->add_flag(
          "--json", request_.json,
          row.output && row.view != View::kFlame ? "Its rows as JSON in place of profile.proto" : "For programs");
    if (row.output)
      view->add_option("-o,--output", request_.output, "A file, or - for standard output (default)")->type_name("PATH");
  }
}

void ProfileOptions::add_sources(CLI::App& view) {
  view.add_option("FILE|ARCHIVE[:NAME]", request_.sources, "Profiles; more than one are added up")->required();
}

void ProfileOptions::add_choice_of_samples(CLI::App& view) {
  ProfileQuery& query = request_.query;
  view.add_option("--debug-dir", request_.debug_directories,
                  "Where to look for the files of addresses without names, by build id; repeatable")
      ->allow_extra_args(false)
      ->type_name("DIR");
  view.add_option("--sample-index", query.sample_index, "Which value: name or number (default: as the profile says)")
      ->type_name("NAME");
  struct Row {
    const char *name, *text;
    std::string* value;
  };
  for (const Row& row : {Row{"--focus", "Only samples with a frame that matches", &query.focus},
                         Row{"--ignore", "No samples with a frame that matches", &query.ignore},
                         Row{"--hide", "Leave out frames that match", &query.hide},
                         Row{"--show", "Leave out frames that do not match", &query.show},
                         Row{"--tagfocus", "Only samples with a label (key:value) that matches", &query.tag_focus},
                         Row{"--tagignore", "No samples with a label that matches", &query.tag_ignore}})
    view.add_option(row.name, *row.value, row.text)->type_name("REGEX");
}

void ProfileOptions::add_report(CLI::App& view) {
  ReportOptions& report = request_.report;
  view.add_flag("--cum", report.by_cum, "Order by what functions cost with all that they call");
  view.add_option("--nodecount", node_count_, "So many functions at most (default: all; tree: 80)")->type_name("N");
  view.add_option("--nodefraction", report.node_fraction, "Drop functions below this part of the total")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("F")
      ->capture_default_str();
  view.add_option("--unit", report.unit, "Unit of values, as MB or ms (default: one that suits the smallest)")
      ->type_name("UNIT");
}

Request ProfileOptions::request() {
  for (const auto& [view, view_app] : views_)
    if (view_app->parsed()) request_.view = view;
  if (!base_.empty() && !diff_base_.empty()) return usage("give --base or --diff-base, not both");
  request_.query.base_is_total = !diff_base_.empty();
  request_.base = diff_base_.empty() ? base_ : diff_base_;
  if (request_.view == View::kDiff) {
    request_.sources = {after_};
    request_.base = {before_};
    request_.query.base_is_total = true;
  }
  constexpr size_t kTreeNodes = 80;  // as go tool pprof
  request_.report.node_count = node_count_.value_or(request_.view == View::kTree ? kTreeNodes : 0);
  if (request_.view == View::kPeek) {  // what is asked for by name is not too small
    request_.report.node_fraction = request_.report.edge_fraction = 0;
    request_.report.node_count = 0;
  }
  return request_;
}

}  // namespace

std::unique_ptr<Subcommand> profile_subcommand(CLI::App& app) { return std::make_unique<ProfileOptions>(app); }

}  // namespace ec
