// Reports of profiles as text: laid out like those of `go tool pprof`, so that eyes and scripts that know them need
// nothing new. Names come from the profile and are made plain.
#pragma once

#include <string>

#include "collector/base/pattern.h"
#include "collector/profile/call_tree.h"
#include "collector/profile/goroutines.h"
#include "collector/profile/profile_report.h"

namespace ec {

std::string top_text(const ProfileReport& report);
// With `wanted` only the functions whose name it matches, each with its callers and callees.
std::string tree_text(const ProfileReport& report, const Pattern* wanted);
// "main;handle;read 12" a line, in the order of the names.
std::string folded_text(const CallTree& tree);
// Groups of one stack, largest first, and what they wait for.
std::string goroutine_groups_text(const Goroutines& goroutines);

}  // namespace ec
