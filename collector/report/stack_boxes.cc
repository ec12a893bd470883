#include "collector/report/stack_boxes.h"

#include "collector/analysis/thread_words.h"

namespace ec {

std::vector<std::string> box_names(const std::vector<Frame>& frames, std::span<const uint32_t> stack) {
  std::vector<std::string> names;
  for (auto index = stack.rbegin(); index != stack.rend(); ++index)
    if (*index < frames.size()) names.push_back(short_frame(frames[*index]));
  return names;
}

}  // namespace ec
