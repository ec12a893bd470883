// What programs print of themselves over many lines of a log: the stacks of a Go program that panics, and races that a
// detector found. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/profile/race_report.h"
#include "collector/snapshot/files.h"

namespace ec {

class LogReports {
 public:
  // As LogDigest::add().
  void add(std::string_view artifact, std::string_view text, bool current);
  // Sets go_panics and races of `logs`.
  void finish(Logs& logs) const;

 private:
  void add_panics(std::string_view artifact, std::string_view text, bool current);
  void add_races(std::string_view artifact, std::string_view text, bool current);

  std::map<std::pair<std::string, std::string>, LogGoPanic> panics_;  // by reason and place
  std::map<std::pair<std::string, std::string>, LogRace> races_;      // by both accesses
};

}  // namespace ec
