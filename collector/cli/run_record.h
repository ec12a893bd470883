// raw/run: what a run was asked to do and to whom, written first, so that even an archive cut short can be analysed.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "collector/cli/options.h"
#include "collector/snapshot/snapshot.h"

namespace ec {

// Options by their long name, as asked; what has its default is left out.
std::map<std::string, std::string> recorded_options(const CollectRequest& request);

// Lines "name value". Covers run (version, start, options, privileges, redacted), target and host name.
std::string run_record_text(const Snapshot& snapshot);
// The inverse: sets what the text says. Unknown lines are passed over.
void read_run_record(std::string_view text, Snapshot& snapshot);

// Start time, executable and build id of the target, from what was parsed of it.
void take_target_facts(Snapshot& snapshot);

// Whether everything that was tried was obtained: no failed, timed-out or partial artifact. What this target or kernel
// does not have, and what was switched off by the user, does not count as missing.
bool is_complete(const Snapshot& snapshot);

}  // namespace ec
