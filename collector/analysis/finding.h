#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/snapshot/snapshot.h"

namespace ec {

enum class Severity { kCritical, kHigh, kMedium, kLow, kInfo };
std::string_view to_string(Severity severity);

// Where a reader can check it: artifact + locator + excerpt.
struct Evidence {
  std::string artifact;  // path in the archive: "raw/proc/42/limits"
  std::string locator;   // "line 8", "tid 77", "fd 31", "key memory.max"
  std::string excerpt;   // one printable line, as it stands there
};

struct Finding {
  std::string id;  // of the rule; the runbook has the same name
  Severity severity = Severity::kInfo;
  std::string title;   // one line with the figure: "Open files: 1018 of 1024 (99 %)"
  std::string detail;  // one to three sentences for a tired reader: what, since when, what it does to the service
  std::vector<Evidence> evidence;
};

struct Rule {
  std::string_view id;
  std::string_view summary;
  std::vector<Finding> (*check)(const Snapshot&);  // pure; empty when all is well or nothing is known
};
const std::vector<Rule>& rule_table();

// All findings, most severe first, then in table order.
std::vector<Finding> analyse(const Snapshot& snapshot);

struct Figure {
  std::string key;    // stable: "process.cpu_cores"
  std::string group;  // "Target", "Host", "Runtime"
  std::string label;  // "CPU"
  std::string text;   // as shown: "1.98 of 2 cores", "1018 of 1024 (99 %)"
  double value = 0;   // for programs
  std::string unit;   // "cores", "bytes", "1/s", "ratio" …
  enum class Mark { kNormal, kWarning, kBad } mark = Mark::kNormal;
};
// Key figures with rates; only what is known.
std::vector<Figure> figures(const Snapshot& snapshot);

// One sentence: what is wrong, or that nothing stands out.
std::string verdict(const Snapshot& snapshot, const std::vector<Finding>& findings);

// What was not examined, each with reason and smallest fix.
struct NotExamined {
  std::string what, reason, fix;
};
std::vector<NotExamined> not_examined(const Snapshot& snapshot);

}  // namespace ec
