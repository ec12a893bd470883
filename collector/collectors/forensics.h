// Collector "forensics": traces of what does not belong in a healthy service: code in writable or vanished files,
// preloaded libraries, programs without a file, a tracer, listeners that nobody owns. Facts with their evidence, not
// accusations: each says what harmless thing looks the same. Mostly drawn from what other collectors stored; own raw
// form: raw/forensics.bundle with the sections "ld.so.preload" (of the target's root) and "vanished/PID" ("COMM\tLINK":
// a process whose executable has no file), "done" (empty: everything was looked at).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/collectors/collector.h"
#include "collector/proc/maps.h"

namespace ec {

inline constexpr std::string_view kForensicsBundle = "raw/forensics.bundle";

void gather_forensics(GatherContext& context);
// Condition: the collectors "executable" and "sockets" were parsed before, when they ran.
void parse_forensics(const RawStore& store, Snapshot& snapshot);

// Facts from the text of /proc/PID/maps; `artifact` is named as their evidence. `language` as in Executable.
std::vector<ForensicFact> mapping_facts(std::string_view maps, std::string_view artifact, std::string_view language);
// From /proc/PID/environ, NUL-separated: LD_PRELOAD and LD_AUDIT.
std::vector<ForensicFact> environment_facts(std::string_view environ, std::string_view artifact);
// From the text of /etc/ld.so.preload, ld.so(8): names separated by white space or colons.
std::vector<ForensicFact> preload_file_facts(std::string_view text, std::string_view artifact);

}  // namespace ec
