#include "collector/analysis/java_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "collector/base/text.h"

namespace ec {

namespace {

bool starts_with_any(std::string_view text, const auto& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}

bool is_library(std::string_view method) {
  static constexpr std::array<std::string_view, 5> kLibrary{"java.", "javax.", "jdk.", "sun.", "com.sun."};
  return starts_with_any(method, kLibrary);
}

bool is_blocked(std::string_view state) { return state.starts_with("BLOCKED"); }

}  // namespace

bool is_java_thread(const JvmThread& thread) { return thread.number != 0 && !thread.state.empty() && thread.stack; }

std::vector<JavaThreadsAtStack> group_java_threads(const JvmThreadDump& dump, bool of_vm) {
  std::map<std::tuple<int64_t, std::string_view>, JavaThreadsAtStack> by_stack;
  for (size_t i = 0; i < dump.threads.size(); ++i) {
    const JvmThread& thread = dump.threads[i];
    if (is_java_thread(thread) == of_vm) continue;
    bool has_stack = thread.stack && *thread.stack < dump.stacks.size();
    std::string_view state = of_vm ? thread.doing : thread.state;
    JavaThreadsAtStack& group = by_stack[{has_stack ? int64_t{*thread.stack} : -1, state}];
    if (has_stack) group.stack = &dump.stacks[*thread.stack];
    group.state = state;
    group.members.push_back(i);
  }
  std::vector<JavaThreadsAtStack> groups;
  for (auto& [key, group] : by_stack) groups.push_back(std::move(group));
  std::sort(groups.begin(), groups.end(), [](const JavaThreadsAtStack& a, const JavaThreadsAtStack& b) {
    if (a.members.size() != b.members.size()) return a.members.size() > b.members.size();
    if (is_blocked(a.state) != is_blocked(b.state)) return is_blocked(a.state);
    if (!a.stack != !b.stack) return a.stack != nullptr;
    return a.members.front() < b.members.front();
  });
  return groups;
}

std::vector<std::pair<std::string, uint64_t>> java_states(const JvmThreadDump& dump) {
  std::map<std::string, uint64_t> counts;
  for (const JvmThread& thread : dump.threads)
    if (is_java_thread(thread)) ++counts[thread.state.substr(0, thread.state.find(' '))];
  std::vector<std::pair<std::string, uint64_t>> states(counts.begin(), counts.end());
  std::stable_sort(states.begin(), states.end(), [](const auto& a, const auto& b) {
    return is_blocked(a.first) != is_blocked(b.first) ? is_blocked(a.first) : a.second > b.second;
  });
  return states;
}

bool is_java_plumbing(std::string_view method) {
  static constexpr std::array<std::string_view, 8> kPlumbing{"jdk.internal.misc.Unsafe.",
                                                             "sun.misc.Unsafe.",
                                                             "java.util.concurrent.locks.LockSupport.",
                                                             "java.util.concurrent.locks.Abstract",
                                                             "java.util.concurrent.ForkJoinPool.managedBlock",
                                                             "java.util.concurrent.ForkJoinPool.unmanagedBlock",
                                                             "java.lang.Object.wait",
                                                             "java.lang.Thread.sleep"};
  return starts_with_any(method, kPlumbing);
}

const JvmFrame* java_program_frame(const JvmThreadDump& dump, const JvmThread& thread) {
  if (!thread.stack || *thread.stack >= dump.stacks.size()) return nullptr;
  const JvmFrame *first = nullptr, *useful = nullptr;
  for (uint32_t index : dump.stacks[*thread.stack]) {
    if (index >= dump.frames.size()) continue;
    const JvmFrame& frame = dump.frames[index];
    if (!is_library(frame.method)) return &frame;
    if (!first) first = &frame;
    if (!useful && !is_java_plumbing(frame.method)) useful = &frame;
  }
  return useful ? useful : first;
}

std::string java_frame_words(const JvmFrame& frame) {
  return printable_line(frame.place.empty() ? frame.method : fmt::format("{} ({})", frame.method, frame.place), 160);
}

}  // namespace ec
