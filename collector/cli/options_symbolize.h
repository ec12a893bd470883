// Options of `symbolize`, which has two forms: addresses of a file, or an archive. Private to options.cc.
#pragma once

#include <CLI/CLI.hpp>

#include "collector/cli/options.h"

namespace ec {

class SymbolizeOptions {
 public:
  explicit SymbolizeOptions(CLI::App& app);
  SymbolizeOptions(const SymbolizeOptions&) = delete;
  SymbolizeOptions& operator=(const SymbolizeOptions&) = delete;

  bool parsed() const { return app_->parsed(); }
  Request request();  // condition: parsed()

 private:
  CLI::App* app_;
  SymbolizeRequest addresses_;
  SymbolizeArchiveRequest archive_;
  std::string short_executable_;
};

// One line and exit code 2 (options.cc).
Leave usage(const std::string& problem);

}  // namespace ec
