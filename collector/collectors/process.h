// Collector "process": what its counters say, twice.
#pragma once

#include "collector/collectors/collector.h"

namespace ec {

// raw/proc/PID/{stat,status,statm,io,schedstat}
void gather_process(GatherContext& context);
// process.status and process.rates. Rates of context switches and run delay are sums over all threads when
// raw/proc/PID/task.bundle has them in both readings; else they are those of the main thread.
void parse_process(const RawStore& store, Snapshot& snapshot);

// Collector "process-facts": what does not change from second to second: limits, identity, security, timers, wait.
void gather_process_facts(GatherContext& context);
// process.{credential,limits,oom_score,oom_score_adj,timers,wait_summary}
void parse_process_facts(const RawStore& store, Snapshot& snapshot);

// Collector "process-memory": everything that needs the mmap lock of the target; the dearest last.
void gather_process_memory(GatherContext& context);
// process.{command_line,environment,mappings,rollup}
void parse_process_memory(const RawStore& store, Snapshot& snapshot);
// What an artifact in the form of /proc/PID/maps says.
Part<std::vector<Mapping>> read_mappings(const RawStore& store, const std::string& path);

// Collector "process-tree": children and ancestors.
void gather_process_tree(GatherContext& context);
// process.{children,ancestors}
void parse_process_tree(const RawStore& store, Snapshot& snapshot);

// Collector "namespaces": the links of the process directory, beside ours.
void gather_namespaces(GatherContext& context);
// process.{namespaces,cwd,root}
void parse_namespaces(const RawStore& store, Snapshot& snapshot);

// Collector "cgroup": control files of its cgroups and of all above them, twice.
void gather_cgroup(GatherContext& context);
// process.cgroup
void parse_cgroup(const RawStore& store, Snapshot& snapshot);

}  // namespace ec
