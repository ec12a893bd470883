// The target as a Go program whose runtime can be read.
#pragma once

#include <memory>
#include <optional>

#include "collector/collectors/collector.h"
#include "collector/runtimes/go_program.h"
#include "collector/runtimes/memory.h"

namespace ec {

struct GoTarget {
  std::shared_ptr<const ElfFile> file;
  std::unique_ptr<RuntimeMemory> memory;
  GoProgram program;
};

// Nothing when the target is no Go program, or has no memory to look at. Errors: those of find_go_program().
Result<std::optional<GoTarget>> open_go_target(GatherContext& context);

}  // namespace ec
