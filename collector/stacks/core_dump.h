// The stacks of all threads of a core file, by the same unwinder as those of a live process.
#pragma once

#include <string>

#include "collector/stacks/stack_dump.h"
#include "collector/target/core_file.h"

namespace ec {

struct CoreDumpRequest {
  const CoreFile* core = nullptr;
  std::string executable;                      // the file to take for the program; "" = by its path in the core
  std::vector<std::string> debug_directories;  // as in DumpRequest
  Deadline deadline = Deadline::never();
  std::function<bool(const std::string& what)> may_try;  // as in DumpRequest
};

StackDump dump_core(const CoreDumpRequest& request);

}  // namespace ec
