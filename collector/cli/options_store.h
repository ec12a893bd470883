// Options of `store`. Private to options.cc.
#pragma once

#include <CLI/CLI.hpp>

#include "collector/cli/options.h"

namespace ec {

class StoreOptions {
 public:
  explicit StoreOptions(CLI::App& app);
  StoreOptions(const StoreOptions&) = delete;
  StoreOptions& operator=(const StoreOptions&) = delete;

  bool parsed() const { return app_->parsed(); }
  StoreRequest request();  // condition: parsed()

 private:
  CLI::App* action(const char* name, const char* text, StoreRequest::Action action);

  CLI::App* app_;
  StoreRequest request_;
  double days_ = 30, gigabytes_ = 20;
};

}  // namespace ec
