// The subcommands: their options, and what these ask for once the command line is parsed. Private to options*.cc.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "collector/cli/options.h"

namespace ec {

class Subcommand {
 public:
  virtual ~Subcommand() = default;
  Subcommand(const Subcommand&) = delete;
  Subcommand& operator=(const Subcommand&) = delete;

  bool parsed() const { return app_->parsed(); }
  // Condition: parsed(). Leave when the options do not go together.
  virtual Request request() = 0;

 protected:
  explicit Subcommand(CLI::App* app) : app_(app) {}

  CLI::App* app_;  // CLI11 writes into the members of *this while it parses
};

// A function that adds a subcommand to `app`, which must live as long.
using AddSubcommand = std::unique_ptr<Subcommand>(CLI::App& app);
AddSubcommand collect_subcommand, show_subcommand, verify_subcommand, diff_subcommand, checklist_subcommand,
    stacks_subcommand, doctor_subcommand, runbook_subcommand, symbolize_subcommand, profile_subcommand,
    store_subcommand, list_subcommand;

// The options of `collect` without its name: it may be left out.
AddSubcommand unnamed_collect;

// One line and exit code 2.
Leave usage(const std::string& problem);

}  // namespace ec
