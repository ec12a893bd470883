// What the collector may do on this machine, what it costs, and its manners: last in line for CPU and IO, first in line
// for the OOM killer.
#pragma once

#include <string>
#include <vector>

#include "collector/collectors/collector.h"
#include "collector/snapshot/snapshot.h"
#include "collector/target/privileges.h"

namespace ec {

// Where standard input, output or error came closed, our own pipes and files would take its number and get what is
// printed. What stands there instead refuses every read and write, as a closed one does.
void occupy_standard_descriptors();

// A helper of ours must not stop the process that watches it: of ourselves nobody is stopped.
void spare_ourselves(pid_t target, RunOptions& options);

// Raises oom_score_adj to 1000, lowers CPU and IO priority, keeps to half of the CPUs, lifts its own soft limit of
// descriptors. Failures are harmless and ignored.
void be_modest();

// The capabilities that matter here and are missing, in words: "CAP_SYS_PTRACE: stacks, memory maps and descriptors of
// other users' processes".
std::vector<std::string> missing_privileges(const OwnPrivileges& own);

// CPU and peak memory of this process and its ended helpers so far.
CollectorCost own_cost(double wall_seconds);

std::string own_build_id();  // hex, "" when the binary has none
std::string host_name();     // gethostname(2), safe for a file name when empty: "localhost"

}  // namespace ec
