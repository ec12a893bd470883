#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/goroutine_groups.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/report/page_content.h"
#include "collector/report/text_layout.h"

namespace ec {

namespace {

constexpr size_t kGroups = 6, kFrames = 6;

std::string frame_words(const GoFrame& frame) {
  std::string words = frame.function.empty() ? fmt::format("{:#x}", frame.pc) : frame.function;
  if (!frame.file.empty())
    words += fmt::format("  {}:{}", frame.file.substr(frame.file.rfind('/') + 1), frame.line);  // npos + 1 == 0
  return plain_line(words, 160);
}

// How it parks is the runtime's business, and the state tells it.
bool parks(const GoFrame& frame) { return frame.function.starts_with("runtime."); }

PageStack group_on_page(const RuntimeGoroutines& all, const GoroutinesAtStack& group) {
  PageStack page{group.members.size(), plain_line(group.state, 60), "", {}, 0};
  if (group.longest_seconds) page.doing += fmt::format(", for at least {}", human_duration(*group.longest_seconds));
  if (auto creator = group.members.front()->creator; creator && *creator < all.frames.size())
    page.names = "created by " + frame_words(all.frames[*creator]);
  if (!group.stack) {
    page.frames.push_back(fmt::format("no stack: {}", plain_line(group.note, 100)));
    return page;
  }
  const auto& frames = group.stack->frames;
  size_t first = 0;
  while (first + 1 < frames.size() && frames[first] < all.frames.size() && parks(all.frames[frames[first]])) ++first;
  for (size_t i = first; i < frames.size() && page.frames.size() < kFrames; ++i)
    if (frames[i] < all.frames.size()) page.frames.push_back(frame_words(all.frames[frames[i]]));
  page.more_frames = frames.size() - first - page.frames.size();
  return page;
}

}  // namespace

void add_goroutines(const Snapshot& snapshot, PageContent& content) {
  if (!snapshot.goroutines) return;
  const RuntimeGoroutines& all = *snapshot.goroutines;
  PageTasks& page = content.goroutines;
  page.count = own_goroutines(all) + all.left_out;
  std::vector<std::string> states;
  for (const auto& [state, count] : goroutine_states(all))
    states.push_back(fmt::format("{} {}", count, plain_line(state, 40)));
  page.states = enumerate(states, 6);
  if (all.left_out > 0)
    page.states += fmt::format(" ({} were left out: {})", all.left_out, plain_line(all.why_left_out, 120));
  auto groups = group_goroutines(all);
  page.groups = groups.size();
  for (size_t i = 0; i < std::min(groups.size(), kGroups); ++i) page.stacks.push_back(group_on_page(all, groups[i]));
}

}  // namespace ec
