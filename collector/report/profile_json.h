// The reports of profile_text.h for programs.
#pragma once

#include <string>

#include "collector/base/pattern.h"
#include "collector/profile/call_tree.h"
#include "collector/profile/goroutines.h"
#include "collector/profile/profile_report.h"

namespace ec {

// {"schema":1,"type":"cpu","unit":"nanoseconds","total":…,"nodes":[{"name":…,"flat":…,"cum":…}]}; values in `unit`.
// With `with_calls` each node has "callers" and "callees"; `wanted` as in tree_text().
std::string report_json(const ProfileReport& report, bool with_calls, const Pattern* wanted);
// {"schema":1,"stacks":[{"value":12,"frames":["main","read"]}]}, outermost first.
std::string folded_json(const CallTree& tree);
std::string goroutine_groups_json(const Goroutines& goroutines);

}  // namespace ec
