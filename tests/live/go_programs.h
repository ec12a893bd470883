// Programs of tests/targets/go, built from source without network.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/support/program.h"

namespace ec::test {

// The path of the executable, which lives as long as the test program.
inline std::string build_go(const std::string& name, const std::vector<std::string>& flags) {
  static TempDir folder;
  ProgramSettings settings;
  settings.directory = std::string(EC_SOURCE_DIR) + "/tests/targets/go/" + name;
  settings.environment = {"GOFLAGS=-mod=mod -buildvcs=false", "GOPROXY=off", "GOCACHE=" + (folder / "cache"),
                          "CGO_ENABLED=1"};
  settings.timeout = std::chrono::seconds(150);
  std::vector<std::string> argv{"go", "build", "-o", folder / name};
  argv.insert(argv.end(), flags.begin(), flags.end());
  argv.push_back(".");
  auto result = run_program(argv, settings);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  return folder / name;
}

}  // namespace ec::test
