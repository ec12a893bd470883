#pragma once

#include <string>
#include <vector>

#include "collector/analysis/finding.h"

namespace ec {

// What changed between two runs: findings that are new, gone or still there, and each key figure that moved by more
// than a tenth (or by its mark), side by side. The runs are compared as given; when the second one is the older, it
// says so. `series`: of archives of the same process, these two among them, in their order; what grew over them.
// Plain text.
std::string difference_text(const Snapshot& before, const std::vector<Finding>& findings_before, const Snapshot& after,
                            const std::vector<Finding>& findings_after, const GaugeSeries& series);

}  // namespace ec
