// What dying Go programs and debug=2 printed, grouped: for a terminal and for programs.
#pragma once

#include <string>
#include <vector>

#include "collector/profile/goroutine_dump.h"

namespace ec {

std::string goroutine_dumps_text(const std::vector<GoroutineDump>& dumps);
// {"schema":1,"dumps":[{"reason":…,"failed_at":…,"goroutines":…,"groups":[…]}]}
std::string goroutine_dumps_json(const std::vector<GoroutineDump>& dumps);

}  // namespace ec
