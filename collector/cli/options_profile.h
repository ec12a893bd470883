// Options of `profile` and its views. Private to options.cc.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <utility>

#include "collector/cli/options.h"

namespace ec {

class ProfileOptions {
 public:
  explicit ProfileOptions(CLI::App& app);
  ProfileOptions(const ProfileOptions&) = delete;
  ProfileOptions& operator=(const ProfileOptions&) = delete;

  bool parsed() const { return app_->parsed(); }
  Request request();  // condition: parsed()

 private:
  void add_sources(CLI::App& view);
  void add_choice_of_samples(CLI::App& view);
  void add_report(CLI::App& view);

  CLI::App* app_;
  std::vector<std::pair<ProfileRequest::View, CLI::App*>> views_;
  ProfileRequest request_;
  std::vector<std::string> base_, diff_base_;
  std::string before_, after_;  // of diff
  std::optional<size_t> node_count_;
};

}  // namespace ec
