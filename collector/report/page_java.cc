#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/java_groups.h"
#include "collector/analysis/java_waits.h"
#include "collector/analysis/words.h"
#include "collector/report/page_content.h"
#include "collector/report/text_layout.h"

namespace ec {

namespace {

constexpr size_t kGroups = 6, kFrames = 6, kNames = 3;

PageStack group_on_page(const JvmThreadDump& dump, const JavaThreadsAtStack& group) {
  PageStack page{group.members.size(), plain_line(group.state, 80), "", {}, 0};
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(group.members.size(), kNames + 1); ++i)
    names.push_back(plain_line(dump.threads[group.members[i]].name, 48));
  if (names.size() > kNames) {
    names.resize(kNames);
    names.push_back(fmt::format("{} more", group.members.size() - kNames));
  }
  page.names = enumerate(names, kNames + 1);
  if (std::string line = java_wait_line(dump.threads[group.members.front()]); !line.empty())
    page.doing += fmt::format(", {}{}", group.members.size() > 1 ? "the first of them " : "", plain_line(line, 160));
  if (!group.stack) return page;
  const auto& frames = *group.stack;
  size_t first = 0;
  while (first + 1 < frames.size() && is_java_plumbing(dump.frames[frames[first]].method)) ++first;
  for (size_t i = first; i < frames.size() && page.frames.size() < kFrames; ++i)
    page.frames.push_back(plain_line(java_frame_words(dump.frames[frames[i]]), 160));
  page.more_frames = frames.size() - first - page.frames.size();
  return page;
}

}  // namespace

void add_java_threads(const Snapshot& snapshot, PageContent& content) {
  if (!snapshot.jvm) return;
  const JvmThreadDump& dump = snapshot.jvm->dump;
  PageTasks& page = content.java_threads;
  std::vector<std::string> states;
  for (const auto& [state, count] : java_states(dump)) {
    page.count += count;
    states.push_back(fmt::format("{} {}", count, plain_line(state, 40)));
  }
  page.states = enumerate(states, 6);
  if (!dump.whole) page.states += " (the thread dump ends early: there are more)";
  auto groups = group_java_threads(dump);
  page.groups = groups.size();
  for (size_t i = 0; i < std::min(groups.size(), kGroups); ++i) page.stacks.push_back(group_on_page(dump, groups[i]));
}

}  // namespace ec
