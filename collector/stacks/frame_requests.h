// What is asked about the frames of a dump, and who asks it: helper processes, because the files are hostile. When one
// module ends a helper, the next helper goes on behind it. Private to collector/stacks/.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "collector/base/clock.h"
#include "collector/base/helper_process.h"
#include "collector/stacks/frame_names.h"
#include "collector/stacks/modules.h"
#include "symbolize/symbolizer.h"

namespace ec {

// One module and what is asked about it.
struct FrameRequest {
  const Module* module = nullptr;
  std::vector<uint32_t> frames;  // indices into NamedStacks::frames
};
// Of all frames with a module.
std::vector<FrameRequest> frame_requests(const StackDump& dump, const NamedStacks& named);
ModuleFile module_file(const Module& module);

struct ModuleWork {
  size_t modules = 0;
  std::function<void(size_t module, FrameWriter& out)> ask;  // in a helper
  std::function<void(std::string_view bytes)> answer;        // here, for each frame that ask() wrote
  std::function<void(size_t module)> failed;                 // here: it ended the helper
};
// Errors: timeout; that of fork(2).
Result<void> run_modules(const ModuleWork& work, Deadline deadline);

}  // namespace ec
