#include "collector/analysis/goroutine_groups.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace ec {

std::vector<GoroutinesAtStack> group_goroutines(const RuntimeGoroutines& all, bool system) {
  std::map<std::tuple<int64_t, std::string, std::string>, GoroutinesAtStack> by_stack;
  for (const Goroutine& one : all.goroutines) {
    if (one.system != system) continue;
    bool has_stack = one.stack && *one.stack < all.stacks.size();
    std::string note = has_stack ? std::string{} : one.note;
    GoroutinesAtStack& group = by_stack[{has_stack ? int64_t{*one.stack} : -1, one.state, note}];
    group.members.push_back(&one);
    if (one.waiting_seconds) group.longest_seconds = std::max(group.longest_seconds.value_or(0), *one.waiting_seconds);
  }
  std::vector<GoroutinesAtStack> groups;
  for (auto& [key, group] : by_stack) {
    if (std::get<0>(key) >= 0) group.stack = &all.stacks[static_cast<size_t>(std::get<0>(key))];
    group.state = std::get<1>(key);
    group.note = std::get<2>(key);
    groups.push_back(std::move(group));
  }
  std::stable_sort(groups.begin(), groups.end(), [](const GoroutinesAtStack& a, const GoroutinesAtStack& b) {
    return a.members.size() != b.members.size() ? a.members.size() > b.members.size()
                                                : a.members.front()->id < b.members.front()->id;
  });
  return groups;
}

uint64_t own_goroutines(const RuntimeGoroutines& all) {
  return static_cast<uint64_t>(
      std::count_if(all.goroutines.begin(), all.goroutines.end(), [](const Goroutine& one) { return !one.system; }));
}

std::vector<std::pair<std::string, uint64_t>> goroutine_states(const RuntimeGoroutines& all) {
  std::map<std::string, uint64_t> counts;
  for (const Goroutine& one : all.goroutines)
    if (!one.system) ++counts[one.state];
  std::vector<std::pair<std::string, uint64_t>> states(counts.begin(), counts.end());
  std::stable_sort(states.begin(), states.end(), [](auto& a, auto& b) { return a.second > b.second; });
  return states;
}

std::vector<GoroutineGroup> goroutine_functions(const RuntimeGoroutines& all) {
  std::vector<GoroutineGroup> groups;
  for (const GoroutinesAtStack& at : group_goroutines(all)) {
    GoroutineGroup& group = groups.emplace_back();
    group.count = at.members.size();
    group.state = at.state;
    if (!at.stack) continue;
    for (uint32_t frame : at.stack->frames)
      if (frame < all.frames.size()) group.functions.push_back(all.frames[frame].function);
  }
  return groups;
}

}  // namespace ec
