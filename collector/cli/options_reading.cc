// Options of the subcommands that read what is there: archives, runbooks, the list of collectors.
#include "collector/cli/option_groups.h"
#include "collector/cli/options_subcommand.h"

namespace ec {

namespace {

class ShowOptions : public Subcommand {
 public:
  explicit ShowOptions(CLI::App& app)
      : Subcommand(app.add_subcommand("show", "The summary of an archive, or one of its artifacts")) {
    app_->add_option("ARCHIVE", request_.archive)->required();
    app_->add_option("ARTIFACT", request_.artifact, "Path inside the archive, e.g. threads/stacks.txt");
    app_->add_flag("--list", request_.list, "The manifest as a table");
    app_->add_flag("--reanalyse", request_.reanalyse,
                   "Compute the summary anew from the raw bytes, with today's rules");
    app_->add_option("--runbooks", request_.runbooks)->type_name("DIR")->check(CLI::ExistingDirectory);
    add_baseline(*app_, request_.baseline, request_.store);
  }
  Request request() override { return request_; }

 private:
  ShowRequest request_;
};

class VerifyOptions : public Subcommand {
 public:
  explicit VerifyOptions(CLI::App& app)
      : Subcommand(app.add_subcommand("verify", "Check every hash; say what a partial archive still holds")) {
    app_->add_option("ARCHIVE", request_.archive)->required();
  }
  Request request() override { return request_; }

 private:
  VerifyRequest request_;
};

class DiffOptions : public Subcommand {
 public:
  explicit DiffOptions(CLI::App& app) : Subcommand(app.add_subcommand("diff", "What changed between two archives")) {
    app_->add_option("OLD NEW", request_.archives,
                     "Archives; more of the same process between them: what grew over all of them")
        ->required()
        ->expected(2, 1000)
        ->type_name("ARCHIVE");
  }
  Request request() override { return request_; }

 private:
  DiffRequest request_;
};

class RunbookOptions : public Subcommand {
 public:
  explicit RunbookOptions(CLI::App& app)
      : Subcommand(app.add_subcommand("runbook", "The pages that findings point to")) {
    app_->require_subcommand(1);
    list_ = app_->add_subcommand("list", "All pages");
    auto* show = app_->add_subcommand("show", "One page");
    show->add_option("ID", request_.id)->required();
    for (auto* sub : {list_, show})
      sub->add_option("--runbooks", request_.runbooks, "Searched before the built-in pages")
          ->type_name("DIR")
          ->check(CLI::ExistingDirectory);
  }
  Request request() override {
    request_.list = list_->parsed();
    return request_;
  }

 private:
  RunbookRequest request_;
  CLI::App* list_;
};

class ListOptions : public Subcommand {
 public:
  explicit ListOptions(CLI::App& app) : Subcommand(app.add_subcommand("list", "The collectors, in running order")) {}
  Request request() override { return ListRequest{}; }
};

}  // namespace

std::unique_ptr<Subcommand> show_subcommand(CLI::App& app) { return std::make_unique<ShowOptions>(app); }
std::unique_ptr<Subcommand> verify_subcommand(CLI::App& app) { return std::make_unique<VerifyOptions>(app); }
std::unique_ptr<Subcommand> diff_subcommand(CLI::App& app) { return std::make_unique<DiffOptions>(app); }
std::unique_ptr<Subcommand> runbook_subcommand(CLI::App& app) { return std::make_unique<RunbookOptions>(app); }
std::unique_ptr<Subcommand> list_subcommand(CLI::App& app) { return std::make_unique<ListOptions>(app); }

}  // namespace ec
