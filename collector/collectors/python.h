// Collector "python": the Python frames of all threads, and who holds the GIL. Raw form: raw/python.json (interned:
// "codes", "threads", "gils"). Read from memory while the target runs; nothing is stored for what is no Python.
#pragma once

#include <string>
#include <string_view>

#include "collector/collectors/collector.h"
#include "collector/runtimes/python_stacks.h"

namespace ec {

void gather_python(GatherContext& context);
// After parse_threads and parse_stacks: puts the Python frames into the stacks.
void parse_python(const RawStore& store, Snapshot& snapshot);

// The text of raw/python.json, and back. Threads of a PythonRuntime that come from it have the ids of their own PID
// namespace; `threads`, when known, translates them. Errors: malformed.
std::string python_json(const PythonSite& site, const PythonRead& read);
Result<PythonRuntime> parse_python_json(std::string_view where, std::string_view text,
                                        const std::vector<Thread>* threads);

}  // namespace ec
