#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/goroutine_groups.h"
#include "collector/analysis/rules.h"
#include "collector/base/text.h"

namespace ec::rules {

namespace {

// Goroutines that wait for the network are connections, and a server may have many.
bool waits_for_network(const GoroutineGroup& group) {
  if (group.state.starts_with("IO wait")) return true;
  for (size_t i = 0; i < std::min<size_t>(group.functions.size(), 4); ++i)
    if (group.functions[i].find("netpollblock") != std::string::npos ||
        group.functions[i].find("poll.(*pollDesc)") != std::string::npos)
      return true;
  return false;
}

// The innermost function that is neither the runtime's nor the standard library's.
std::string own_function(const GoroutineGroup& group) {
  for (auto& function : group.functions) {
    bool own = true;
    for (std::string_view prefix :
         {"runtime.", "sync.", "internal/", "net.", "net/http.", "time.", "io.", "bufio.", "syscall.", "os."})
      own &= !function.starts_with(prefix);
    if (own) return in_sentence(function, 100);
  }
  return group.functions.empty() ? "" : in_sentence(group.functions.front(), 100);
}

std::string endpoint_artifact(const Endpoint& endpoint) {
  for (auto& profile : endpoint.profiles)
    if (profile.name.starts_with("goroutine") && !profile.artifact.empty()) return profile.artifact;
  return "raw/endpoint.json";
}

struct GoroutinesSeen {
  uint64_t total = 0;
  uint64_t read = 0;  // of them; the groups add up to it
  const std::vector<GoroutineGroup>& groups;
  std::string artifact;  // where the groups stand
};

std::optional<Finding> pile_up(const Snapshot& snapshot, const GoroutinesSeen& seen) {
  const GoroutineGroup* pile = nullptr;
  for (auto& group : seen.groups)
    if (!waits_for_network(group) && (!pile || group.count > pile->count)) pile = &group;
  bool stuck = pile && pile->count >= 1000 && 3 * pile->count >= seen.read;
  if (!stuck && seen.total < 50'000) return std::nullopt;
  Severity severity = (stuck && pile->count >= 10'000) || seen.total >= 500'000 ? Severity::kHigh
                      : stuck                                                   ? Severity::kMedium
                                                                                : Severity::kLow;
  Finding finding{"goroutine-pile-up", severity, fmt::format("{} goroutines", seen.total), "", {}};
  finding.detail =
      stuck
          ? fmt::format("{} has {} goroutines, {} of {} in one place: {}{}{}.", target_name(snapshot), seen.total,
                        pile->count, seen.read < seen.total ? fmt::format("the {} that were read", seen.read) : "them",
                        own_function(*pile), pile->state.empty() ? "" : ", ", in_sentence(pile->state, 40))
          : fmt::format("{} has {} goroutines.", target_name(snapshot), seen.total);
  finding.detail += " Each keeps at least 2 KiB of stack and what it refers to; a number that only grows is a leak.";
  if (pile)
    finding.evidence.push_back(
        {seen.artifact, "largest group", fmt::format("{} @ {}", pile->count, own_function(*pile))});
  return finding;
}

// Who began those of the largest group, and for how long they have stood there: of memory, which has both.
void add_history(const Snapshot& snapshot, Finding& finding) {
  if (!snapshot.goroutines) return;
  const RuntimeGoroutines& all = *snapshot.goroutines;
  for (const GoroutinesAtStack& group : group_goroutines(all)) {
    if (group.members.size() < 1000 || group.state == "IO wait") continue;
    if (group.longest_seconds)
      finding.detail += fmt::format(" The first of the largest group has waited for {} or more.",
                                    human_duration(*group.longest_seconds));
    if (auto creator = group.members.front()->creator; creator && *creator < all.frames.size())
      finding.detail += fmt::format(" They were begun by {}.", in_sentence(all.frames[*creator].function, 120));
    finding.evidence.push_back({"threads/goroutines.txt", fmt::format("goroutine {}", group.members.front()->id),
                                fmt::format("{} × {}", group.members.size(), printable_line(group.state, 60))});
    return;
  }
}

}  // namespace

Findings goroutine_pile_up(const Snapshot& snapshot) {
  Findings findings;
  bool told = false;
  if (snapshot.endpoints)
    for (auto& endpoint : *snapshot.endpoints) {
      uint64_t total = endpoint.go ? endpoint.go->goroutines : 0;
      if (total == 0)
        for (auto& group : endpoint.goroutine_groups) total += group.count;
      told |= !endpoint.goroutine_groups.empty();
      auto finding = pile_up(snapshot, {total, total, endpoint.goroutine_groups, endpoint_artifact(endpoint)});
      if (!finding) continue;
      if (endpoint.go)
        finding->evidence.push_back({"raw/endpoint.json", in_sentence(endpoint.url, 80),
                                     fmt::format("goroutines {}", endpoint.go->goroutines)});
      add_history(snapshot, *finding);
      findings.push_back(std::move(*finding));
    }
  if (told || !snapshot.goroutines) return findings;
  auto groups = goroutine_functions(*snapshot.goroutines);
  uint64_t read = own_goroutines(*snapshot.goroutines), total = read + snapshot.goroutines->left_out;
  // What memory tells has the place, which a bare number of an endpoint has not.
  if (auto finding = pile_up(snapshot, {total, read, groups, "threads/goroutines.txt"})) {
    add_history(snapshot, *finding);
    findings = {std::move(*finding)};
  }
  return findings;
}

Findings clock_not_synchronised(const Snapshot& snapshot) {
  if (!snapshot.host.time_sync) return {};
  auto& sync = *snapshot.host.time_sync;
  bool off = sync.synchronised && std::abs(sync.offset_ms) >= 500;
  if (sync.synchronised && !off) return {};
  bool daemon = !sync.daemon.empty();
  // Guests and containers are often kept in time from outside, where adjtimex does not see it.
  Severity severity = off                                              ? Severity::kHigh
                      : daemon && snapshot.host.virtualisation.empty() ? Severity::kMedium
                                                                       : Severity::kLow;
  Finding finding{"clock-not-synchronised",
                  severity,
                  off ? fmt::format("The clock is off by {:.0f} ms", sync.offset_ms) : "The clock is not synchronised",
                  "",
                  {}};
  finding.detail =
      off ? fmt::format("The clock of the host is {:.0f} ms off, as its own time service says.", sync.offset_ms)
          : fmt::format("The kernel says that the clock is not synchronised{}.",
                        daemon ? fmt::format(", although {} runs", in_sentence(sync.daemon, 32))
                               : "; no time service was seen");
  finding.detail +=
      " Times in logs cannot be compared between hosts, and certificates, tokens and leases may be judged wrongly.";
  finding.evidence.push_back(
      {"raw/host/adjtimex", "line \"status\"",
       sync.synchronised ? fmt::format("offset {:.3f} ms", sync.offset_ms) : "STA_UNSYNC (64) is set"});
  return {finding};
}

}  // namespace ec::rules
