// What doctor says of profiles: whether the kernel would sample the target, and who of it would give some.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "collector/base/helper_process.h"
#include "collector/cli/doctor_checks.h"

namespace ec {

void add_sampling(const TargetIdentity& target, std::vector<Check>& checks);
// Asks the listening sockets of the target what they are, as a run does: a few GETs each, none of a profile.
void add_endpoints(const TargetIdentity& target, std::vector<Check>& checks);

// The first frame that a process of its own gives. Errors: that of forking; timeout; not found (it gave none).
Result<std::string> told_by_helper(milliseconds patience, const std::function<void(FrameWriter&)>& body);

}  // namespace ec
