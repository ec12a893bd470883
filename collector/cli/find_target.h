#pragma once

#include "collector/base/error.h"
#include "collector/cli/options.h"
#include "collector/target/identity.h"

namespace ec {

// The one process that the request names, pinned. Errors: gone when there is none; usage when several match, with the
// candidates in the detail, one per line.
Result<TargetIdentity> find_target(const TargetRequest& request);

// The same for a command that needs it: the problem is printed, and its exit code is the error.
tl::expected<TargetIdentity, int> pin_target(const TargetRequest& request);

}  // namespace ec
