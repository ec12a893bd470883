#include "collector/analysis/touched_memory.h"

#include <algorithm>
#include <map>

#include "collector/analysis/thread_words.h"
#include "collector/profile/function_origin.h"
#include "collector/profile/measurement.h"

namespace ec {

namespace {

constexpr size_t kLongestPath = 48;

// Who asked for the memory, and who called: what the allocator and memset(3) do is done for them.
std::vector<std::string> path_of(const CpuProfile& profile, const CpuSample& sample) {
  std::vector<std::string> path;
  if (!sample.stack || *sample.stack >= profile.stacks.size()) return path;
  for (uint32_t index : profile.stacks[*sample.stack].frames) {
    if (index >= profile.frames.size() || path.size() == kLongestPath) break;
    const Frame& frame = profile.frames[index];
    std::string name = spoken_frame(frame);
    if (path.empty() && origin_of(name) != FunctionOrigin::kProgram) continue;
    path.push_back(std::move(name));
  }
  while (path.size() > 1 && origin_of(path.back()) == FunctionOrigin::kRuntime) path.pop_back();
  return path;
}

}  // namespace

TouchedMemory touched_memory(const Snapshot& snapshot) {
  TouchedMemory touched;
  if (!snapshot.page_faults) return touched;
  const CpuProfile& profile = *snapshot.page_faults;
  std::map<std::vector<std::string>, GrownAllocation> paths;
  for (const CpuSample& sample : profile.spent) {
    auto bytes = static_cast<int64_t>(std::min<uint64_t>(sample.weight, uint64_t{1} << 50));
    touched.bytes = wrapping_sum(touched.bytes, bytes);
    std::vector<std::string> functions = path_of(profile, sample);
    if (functions.empty()) continue;
    GrownAllocation& path = paths[functions];
    path.functions = std::move(functions);
    path.bytes = wrapping_sum(path.bytes, bytes);
  }
  for (auto& each : paths) touched.by_path.push_back(std::move(each.second));
  std::stable_sort(touched.by_path.begin(), touched.by_path.end(),
                   [](const GrownAllocation& a, const GrownAllocation& b) { return a.bytes > b.bytes; });
  return touched;
}

}  // namespace ec
