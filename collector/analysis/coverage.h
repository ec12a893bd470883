// What a run was to look at before anything could fail: less than everything when its user left collectors out, or when
// a process of this kind does not have it. Private to analysis/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "collector/analysis/finding.h"

namespace ec {

struct LeftOut {
  std::vector<std::string> by_only, by_skip;  // collectors, in running order
  size_t collectors = 0;                      // that there are

  size_t count() const { return by_only.size() + by_skip.size(); }
};
// By the options that the run record keeps. A collector that is younger than the archive was not run either.
LeftOut left_out(const RunInfo& run);
// "--only", "--skip" or "--only and --skip".
std::string options_of(const LeftOut& out);

// What a kernel thread has never had, and a zombie has no more; nothing for other processes.
std::optional<NotExamined> absent_by_nature(const Snapshot& snapshot);

// Whether the part was never asked for: no reading of it was tried, none failed.
bool never_tried(const Error& why);

}  // namespace ec
