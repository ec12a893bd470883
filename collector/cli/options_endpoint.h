// Options about debug endpoints that several subcommands share. Private to options*.cc.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "collector/collectors/collector.h"

namespace ec {

// --pull.
void add_pull(CLI::App& group, RunOptions& run);

class EndpointOptions {
 public:
  // --endpoint and how to be let in there: --ca, --insecure-skip-verify, --header, --bearer-file, --bearer-env. They
  // end in `run`, which must live as long.
  EndpointOptions(CLI::App& group, RunOptions& run);
  EndpointOptions(const EndpointOptions&) = delete;
  EndpointOptions& operator=(const EndpointOptions&) = delete;

  // Reads the token and checks all of it. What is wrong, without any secret; "" = nothing.
  std::string resolve();

 private:
  RunOptions& run_;
  std::vector<std::string> headers_;
  std::string bearer_file_, bearer_environment_;
};

}  // namespace ec
