// Where the CPU time goes, and where threads and goroutines wait for each other, as the program's own profiles say.
#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/profile_growth.h"
#include "collector/analysis/profile_words.h"
#include "collector/analysis/rules.h"
#include "collector/analysis/stack_profile.h"
#include "collector/base/text.h"
#include "collector/profile/measurement.h"

namespace ec::rules {

namespace {

// A CPU profile of less says where little work went. On a host without a free CPU, what its threads wait for counts
// too.
constexpr double kBusyCores = 0.5, kLeastCores = 0.05;
// Shares of fewer samples are noise (Go takes 100 a second on each core).
constexpr int64_t kEnoughSamples = 25;
// Someone stands there half of the time.
constexpr double kWaitersWorthTelling = 0.5;

double cores(const ProfileDigest& digest) {
  return digest.duration_ns > 0 && digest.unit == "nanoseconds"
             ? static_cast<double>(digest.total) / static_cast<double>(digest.duration_ns)
             : 0;
}

bool busy(const Snapshot& snapshot, const ProfileDigest& digest) {
  double used = cores(digest), waited = snapshot.process.rates ? snapshot.process.rates->run_delay : 0;
  return used >= kLeastCores && used + waited >= kBusyCores;
}

bool enough_samples(const ProfileDigest& digest) {
  auto* samples = total_of(digest, "samples");
  return !samples || samples->value >= kEnoughSamples;
}

void add_evidence(const RunProfile& profile, Finding& finding) {
  for (size_t i = 0; i < std::min<size_t>(profile.digest.by_charged.size(), 3); ++i)
    if (share(profile.digest, profile.digest.by_charged[i].charged) >= 0.1)
      finding.evidence.push_back(charged_evidence(profile, i));
  if (finding.evidence.empty()) finding.evidence.push_back(charged_evidence(profile, 0));
}

Finding hot(const Snapshot& snapshot, const RunProfile& profile) {
  const ProfileDigest& digest = profile.digest;
  const DigestFunction& top = digest.by_charged.front();
  double usable = usable_cores(snapshot), used = cores(digest);
  // A function that takes half of a CPU that nobody else wants is worth knowing; one that takes the last is the
  // trouble.
  bool full = usable > 0 && used >= 0.8 * usable;
  Finding finding{
      "hot-function",
      full ? Severity::kMedium : Severity::kLow,
      fmt::format("{} of the CPU time in {}", percent_words(share(digest, top.charged)), in_sentence(top.name, 100)),
      "",
      {}};
  finding.detail = fmt::format("{} uses {:.1f} {}; {}.", target_name(snapshot), used,
                               used >= 0.95 && used < 1.05 ? "core" : "cores", charged_words(digest, 0));
  std::string runtime = runtime_words(digest, 0.1);
  if (!runtime.empty()) finding.detail += fmt::format(" Of all its CPU time the runtime takes: {}.", runtime);
  add_evidence(profile, finding);
  return finding;
}

}  // namespace

Findings hot_function(const Snapshot& snapshot) {
  Findings findings;
  auto judge = [&](const RunProfile& profile) {
    const ProfileDigest& digest = profile.digest;
    if (!busy(snapshot, digest) || !enough_samples(digest) || digest.by_charged.empty()) return;
    if (share(digest, digest.by_charged.front().charged) >= 0.3) findings.push_back(hot(snapshot, profile));
  };
  for (const RunProfile* profile : profiles_of_kind(snapshot, ProfileKind::kCpu)) judge(*profile);
  // Taken from outside, when the program has none to give.
  if (snapshot.cpu_profile && !snapshot.cpu_profile->spent.empty())
    if (auto sampled = cpu_profile_of(snapshot))
      judge({"cpu", std::string(kCpuProfileArtifact), 0, digest_profile(ProfileKind::kCpu, sampled->profile)});
  return findings;
}

namespace {

// Waits for locks, as a mutex or block profile counts them.
struct Waiting {
  double rate = 0;        // seconds per second, all goroutines together
  std::string when, who;  // "while the profile was taken", "72 % in main.book, called by main.handle"
  std::vector<Evidence> evidence;
};

int64_t waited(const ProfileDigest& digest) {
  // Idle workers wait for work in channels, and a block profile counts their time like any other: only locks tell.
  return digest.kind == ProfileKind::kBlock ? digest.runtime[static_cast<size_t>(RuntimeWork::kLocking)] : digest.total;
}

// Go counts from the start of the program, and says so by no duration at all.
Waiting since_the_start(const Snapshot& snapshot, const RunProfile& profile) {
  const ProfileDigest& digest = profile.digest;
  double seconds = static_cast<double>(digest.duration_ns) / 1e9;
  Waiting waiting{0, "while the profile was taken", charged_words(digest, 0), {}};
  if (seconds <= 0 && snapshot.process.status) {
    seconds = snapshot.process.status->age_seconds;
    waiting.when = "on average since it began";
  }
  if (seconds >= 1 && digest.unit == "nanoseconds") waiting.rate = static_cast<double>(waited(digest)) / 1e9 / seconds;
  for (size_t i = 0; i < std::min<size_t>(digest.by_charged.size(), 3); ++i)
    if (i == 0 || share(digest, digest.by_charged[i].charged) >= 0.1)
      waiting.evidence.push_back(charged_evidence(profile, i));
  return waiting;
}

// Two profiles of one run: what was added meanwhile. Nothing when they do not tell.
std::optional<Waiting> between(const RunProfile& before, const RunProfile& after) {
  auto growth = growth_between(before.digest, after.digest);
  double seconds = (after.at_ms - before.at_ms) / 1000;
  int64_t added = wrapping_sum(waited(after.digest), -std::max<int64_t>(0, waited(before.digest)));
  if (!growth || seconds < 1 || added < 0 || after.digest.unit != "nanoseconds") return std::nullopt;
  Waiting waiting{
      static_cast<double>(added) / 1e9 / seconds, fmt::format("during {:.1f} s of this run", seconds), "", {}};
  for (const FunctionGrowth& one : growth->functions) {
    int64_t more = wrapping_sum(one.after, -std::max<int64_t>(0, one.before));
    double part = added > 0 ? std::min(1.0, static_cast<double>(more) / static_cast<double>(added)) : 0;
    if (waiting.who.empty()) {
      waiting.who = fmt::format("{} in {}", percent_words(part), in_sentence(one.name, 100));
      if (!one.caller.empty()) waiting.who += ", called by " + in_sentence(one.caller, 100);
    } else if (part < 0.1) {
      continue;
    }
    waiting.evidence.push_back({after.artifact, "function " + printable_line(one.name, 120),
                                fmt::format("{} more in {:.1f} s: {}", value_words(more, after.digest.unit), seconds,
                                            one.path.empty() ? printable_line(one.name, 120) : one.path)});
  }
  return waiting;
}

// What happens now counts; what only adds up since the start may be of last night.
Findings contention(const Snapshot& snapshot, ProfileKind kind, std::string_view id) {
  Findings findings;
  for (const RunProfile* profile : profiles_of_kind(snapshot, kind)) {
    if (profile->name.ends_with(kAfter)) continue;
    const RunProfile* after = taken_again(snapshot, *profile);
    auto now = after ? between(*profile, *after) : std::nullopt;
    bool goes_on = now && now->rate >= kWaitersWorthTelling && !now->who.empty();
    Waiting waiting = goes_on ? std::move(*now) : since_the_start(snapshot, *profile);
    if (waiting.rate < kWaitersWorthTelling || waiting.who.empty()) continue;
    // Two goroutines that always wait are a queue; eight are one that throughput stands in.
    Severity severity = now && !goes_on     ? Severity::kLow
                        : waiting.rate >= 8 ? Severity::kHigh
                        : waiting.rate >= 2 ? Severity::kMedium
                                            : Severity::kLow;
    Finding finding{std::string(id), severity, fmt::format("Locks: {:.1f} s of waiting per second", waiting.rate), "",
                    std::move(waiting.evidence)};
    finding.detail = fmt::format("Goroutines of {} wait {:.1f} s per second for locks, {}{}. {}: {}.",
                                 target_name(snapshot), waiting.rate, waiting.when,
                                 now && !goes_on ? fmt::format(" ({:.1f} s during this run)", now->rate) : "",
                                 kind == ProfileKind::kMutex ? "Who held them meanwhile" : "Who waits", waiting.who);
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace

// Go charges the delay of a waiter to the one that let it wait: the stack is that of the unlock.
Findings mutex_contention(const Snapshot& snapshot) {
  return contention(snapshot, ProfileKind::kMutex, "mutex-contention");
}

Findings block_contention(const Snapshot& snapshot) {
  return contention(snapshot, ProfileKind::kBlock, "block-contention");
}

}  // namespace ec::rules
