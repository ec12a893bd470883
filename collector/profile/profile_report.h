// The functions of a profile that matter, with what they cost and who calls whom: the numbers and the order of
// `go tool pprof -top` and `-tree` (google/pprof, internal/report).
#pragma once

#include <optional>

#include "collector/profile/profile_query.h"

namespace ec {

struct ReportOptions {
  bool by_cum = false;           // order
  size_t node_count = 0;         // functions at most; 0 for all
  double node_fraction = 0.005;  // of the sum: functions below it are dropped
  double edge_fraction = 0.001;  // of the sum: calls below it are not shown
  std::string unit = "minimum";  // "minimum": the one that suits the smallest value
};

struct ReportCall {
  uint32_t other = 0;  // for ProfileReport::name()
  int64_t weight = 0;
  bool inlined = false;
};
struct ReportNode {
  std::string name;  // as the profile has it: not for a terminal as it is
  int64_t flat = 0, cum = 0;
  std::vector<ReportCall> callers, callees;  // heaviest first
};

struct ProfileReport {
  std::string file, build_id;  // of the program, "" when not known
  std::vector<std::string> comments, filters;
  std::string type, unit;   // of the values: "cpu", "nanoseconds"
  std::string output_unit;  // in which they are printed
  int64_t time_ns = 0, duration_ns = 0;
  int64_t total = 0;
  std::vector<ReportNode> nodes;
  std::vector<std::string> others;  // called by them or calling them, while all that they cost adds up to 0
  size_t dropped = 0;               // functions below the fraction
  int64_t dropped_below = 0;
  size_t not_dropped = 0;                  // more than nodes when node_count cut them
  std::string label(int64_t value) const;  // "1.20s"
  // Nodes first, then the others.
  const std::string& name(uint32_t number) const {
    return number < nodes.size() ? nodes[number].name : others[number - nodes.size()];
  }
};

ProfileReport report_functions(const ChosenProfile& chosen, const ReportOptions& options);

}  // namespace ec
