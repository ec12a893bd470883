// The readable folders of the archive, by part. Private to report/; page.h has the entry.
#pragma once

#include <string>
#include <vector>

#include "collector/report/page.h"

namespace ec::derived {

using Artifacts = std::vector<DerivedArtifact>;

// derived_threads.cc: threads/stacks.txt, threads/stacks.json
void threads(const Snapshot& snapshot, Artifacts& out);
// Of a group with more threads than fit in so many lines the rest is only counted. Condition: snapshot.threads.
std::string stacks_text(const Snapshot& snapshot, size_t most_lines_of_names);
// derived_goroutines.cc: threads/goroutines.txt, threads/goroutines.json
void goroutines(const Snapshot& snapshot, Artifacts& out);
std::string goroutines_text(const RuntimeGoroutines& all);
// derived_java.cc: threads/java.txt, threads/java.json
void java(const Snapshot& snapshot, Artifacts& out);
std::string java_text(const JvmRuntime& jvm);
// derived_samples.cc: threads/samples.{txt,folded,svg}, profiles/samples.pb.gz
void samples(const Snapshot& snapshot, Artifacts& out);
// derived_gauges.cc: process/gauges.{txt,svg}
void gauges(const Snapshot& snapshot, Artifacts& out);
// derived_cpu.cc: profiles/cpu.{txt,folded,svg,pb.gz}
void cpu_profile(const Snapshot& snapshot, Artifacts& out);
void page_faults(const Snapshot& snapshot, Artifacts& out);
// derived_profiles.cc: profiles/summary.txt
void profiles(const Snapshot& snapshot, Artifacts& out);
// derived_waits.cc: threads/waits.json, threads/waits.svg
void waits(const Snapshot& snapshot, Artifacts& out);
// derived_core.cc: process/core.txt
void core(const Snapshot& snapshot, Artifacts& out);
// derived_files.cc: process/fds.json, process/open_files.txt
void files(const Snapshot& snapshot, Artifacts& out);
// derived_process.cc: copies of raw files under their contract name, and namespaces, tree, memory, forensics as text
void process(const Snapshot& snapshot, const RawStore& store, Artifacts& out);
// derived_identity.cc: security.txt (users, capabilities, seccomp, signals in words), executable.txt
void identity(const Snapshot& snapshot, Artifacts& out);
// derived_system.cc: overview, cpu, memory, pressure, disks, filesystems
void system_resources(const Snapshot& snapshot, Artifacts& out);
// derived_system_more.cc: network, sockets, processes, blocked, kernel, kernel_log
void system_activity(const Snapshot& snapshot, Artifacts& out);

}  // namespace ec::derived
