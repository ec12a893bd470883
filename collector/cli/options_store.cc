// Options of `store`.
#include "collector/cli/option_groups.h"
#include "collector/cli/options_subcommand.h"

namespace ec {

namespace {

class StoreOptions : public Subcommand {
 public:
  explicit StoreOptions(CLI::App& app);
  Request request() override;

 private:
  CLI::App* action(const char* name, const char* text, StoreRequest::Action action);

  StoreRequest request_;
  double days_ = 30, gigabytes_ = 20;
};

CLI::App* StoreOptions::action(const char* name, const char* text, StoreRequest::Action action) {
  auto* app = app_->add_subcommand(name, text);
  app->parse_complete_callback([this, action] { request_.action = action; });
  add_store(*app, request_.store);
  return app;
}

StoreOptions::StoreOptions(CLI::App& app)
    : Subcommand(app.add_subcommand("store",
                                    "Archives that are kept: --keep puts them there, --baseline last-good uses them")) {
  using Action = StoreRequest::Action;
  app_->require_subcommand(1);
  app_->footer(
      "\nThe store is a directory: $XDG_STATE_HOME/emergency-collect, else /var/lib/emergency-collect for root,\n"
      "~/.local/state/emergency-collect for others. Files in it that are no archives of a run are never touched.");
  auto* list = action("list", "Newest first: time, program, host, worst finding, verdict, size", Action::kList);
  list->add_flag("--json", request_.json, "For programs");
  action("put", "Copy archives into the store", Action::kPut)
      ->add_option("FILE", request_.names)
      ->required()
      ->check(CLI::ExistingFile);
  auto* get = action("get", "Copy an archive out of the store", Action::kGet);
  get->add_option("NAME", request_.names)->required()->expected(1);
  get->add_option("-o,--output", request_.output, "A file that is not there yet, a directory, or - for standard output")
      ->type_name("PATH")
      ->capture_default_str();
  action("rm", "Remove archives", Action::kRemove)->add_option("NAME", request_.names)->required();
  auto* garbage = action("gc", "Remove what is too old, too many or too large; 0 is no limit", Action::kGarbage);
  garbage->add_option("--max-age", days_, "Days since the run")
      ->check(CLI::Range(0.0, 36500.0))
      ->type_name("DAYS")
      ->capture_default_str();
  garbage->add_option("--max-count", request_.retention.count, "Archives")->type_name("N")->capture_default_str();
  garbage->add_option("--max-size", gigabytes_, "GiB in all")
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("GIB")
      ->capture_default_str();
  garbage->add_flag("--dry-run", request_.dry_run, "Only say which");
}

Request StoreOptions::request() {
  request_.retention.age_seconds = static_cast<int64_t>(days_ * 86'400);
  request_.retention.bytes = static_cast<uint64_t>(gigabytes_ * (1 << 30));
  return request_;
}

}  // namespace

std::unique_ptr<Subcommand> store_subcommand(CLI::App& app) { return std::make_unique<StoreOptions>(app); }

}  // namespace ec
