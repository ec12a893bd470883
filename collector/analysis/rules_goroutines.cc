// Goroutines that nobody will ever wake, as far as the memory of the program tells.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "collector/analysis/goroutine_groups.h"
#include "collector/analysis/rules.h"
#include "collector/base/text.h"

namespace ec::rules {

namespace {

constexpr size_t kEnough = 10;        // one is a detail; a leak leaves one behind for each request
constexpr double kLongSeconds = 300;  // goroutines that wait for each other for less are at work

const GoFrame* frame(const RuntimeGoroutines& all, uint32_t index) {
  return index < all.frames.size() ? &all.frames[index] : nullptr;
}

// The innermost function that is not the runtime's.
std::string place_of(const RuntimeGoroutines& all, const GoStack& stack) {
  for (uint32_t index : stack.frames)
    if (auto* one = frame(all, index); one && !one->function.starts_with("runtime."))
      return one->file.empty() ? one->function
                               : fmt::format("{} {}:{}", one->function, one->file.substr(one->file.rfind('/') + 1),
                                             one->line);  // npos + 1 == 0
  return "an unknown function";
}

// Alone with a channel that carries something: whoever was to take it, or to send it, has forgotten the channel. To
// wait long for a mere signal, as for the end of a session, is how sessions are made.
bool alone(const Goroutine& one) {
  return one.channel && one.channel->others == 0 && one.channel->element_bytes > 0 &&
         one.waiting_seconds.value_or(0) >= kLongSeconds;
}

}  // namespace

Findings goroutine_leak_suspect(const Snapshot& snapshot) {
  Findings findings;
  if (!snapshot.goroutines) return findings;
  const RuntimeGoroutines& all = *snapshot.goroutines;
  for (const GoroutinesAtStack& group : group_goroutines(all)) {
    if (!group.stack) continue;
    std::unordered_set<uint64_t> channels;
    const Goroutine* example = nullptr;
    for (const Goroutine* one : group.members)
      if (alone(*one) && channels.insert(one->channel->address).second && !example) example = one;
    // Where most of those at this place are in company, the others were only met between two steps.
    if (channels.size() < kEnough || 2 * channels.size() < group.members.size()) continue;
    std::string place = in_sentence(place_of(all, *group.stack), 160);
    Finding finding{"goroutine-leak-suspect",
                    channels.size() >= 1000 ? Severity::kMedium : Severity::kLow,
                    fmt::format("{} goroutines may never end: {}", channels.size(), place),
                    "",
                    {}};
    finding.detail = fmt::format(
        "{} goroutines of {} have been in {} at {} for {} or more, each alone with a channel of its own: no other "
        "goroutine waits for it or has it on its stack. References in the heap were not looked for.",
        channels.size(), target_name(snapshot), in_sentence(group.state, 40), place, human_duration(kLongSeconds));
    auto* creator = example->creator ? frame(all, *example->creator) : nullptr;
    if (creator) finding.detail += fmt::format(" They were begun by {}.", in_sentence(creator->function, 120));
    finding.evidence.push_back(
        {"threads/goroutines.txt", fmt::format("goroutine {}", example->id),
         fmt::format("{} for at least {}, channel {:#x}: others 0", printable_line(group.state, 40),
                     human_duration(*example->waiting_seconds), example->channel->address)});
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace ec::rules
