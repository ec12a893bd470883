// Where the CPU time goes, and where threads and goroutines wait for each other, as the program's own profiles say.
#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/profile_words.h"
#include "collector/analysis/rules.h"
#include "collector/base/text.h"

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
                               used < 1.95 && used >= 0.95 ? "core" : "cores", charged_words(digest, 0));
  std::string runtime = runtime_words(digest, 0.1);
  if (!runtime.empty()) finding.detail += fmt::format(" Of all its CPU time the runtime takes: {}.", runtime);
  add_evidence(profile, finding);
  return finding;
}

// Seconds of waiting per second of the time that the profile is about.
double delay_rate(const Snapshot& snapshot, const ProfileDigest& digest, int64_t waited) {
  double seconds = static_cast<double>(digest.duration_ns) / 1e9;
  // Go counts since the program began, and says so by no duration at all.
  if (seconds <= 0 && snapshot.process.status) seconds = snapshot.process.status->age_seconds;
  bool time = digest.type == "delay" && digest.unit == "nanoseconds";
  return time && seconds >= 1 ? static_cast<double>(waited) / 1e9 / seconds : 0;
}

std::string since(const ProfileDigest& digest) {
  return digest.duration_ns > 0 ? "while the profile was taken" : "on average since it began";
}

}  // namespace

Findings hot_function(const Snapshot& snapshot) {
  Findings findings;
  for (const RunProfile* profile : profiles_of_kind(snapshot, ProfileKind::kCpu)) {
    const ProfileDigest& digest = profile->digest;
    if (!busy(snapshot, digest) || !enough_samples(digest) || digest.by_charged.empty()) continue;
    if (share(digest, digest.by_charged.front().charged) >= 0.3) findings.push_back(hot(snapshot, *profile));
  }
  return findings;
}

namespace {

Finding contention(const Snapshot& snapshot, const RunProfile& profile, double rate, std::string_view id) {
  bool holders = profile.digest.kind == ProfileKind::kMutex;
  // Two goroutines that always wait are a queue; eight are one that throughput stands in.
  Severity severity = rate >= 8 ? Severity::kHigh : rate >= 2 ? Severity::kMedium : Severity::kLow;
  Finding finding{std::string(id), severity, fmt::format("Locks: {:.1f} s of waiting per second", rate), "", {}};
  finding.detail = fmt::format("Goroutines of {} wait {:.1f} s per second for locks, {}. {}: {}.",
                               target_name(snapshot), rate, since(profile.digest),
                               holders ? "Who held them meanwhile" : "Who waits", charged_words(profile.digest, 0));
  add_evidence(profile, finding);
  return finding;
}

}  // namespace

// Go charges the delay of a waiter to the one that let it wait: the stack is that of the unlock.
Findings mutex_contention(const Snapshot& snapshot) {
  Findings findings;
  for (const RunProfile* profile : profiles_of_kind(snapshot, ProfileKind::kMutex)) {
    double rate = delay_rate(snapshot, profile->digest, profile->digest.total);
    if (rate >= kWaitersWorthTelling && !profile->digest.by_charged.empty())
      findings.push_back(contention(snapshot, *profile, rate, "mutex-contention"));
  }
  return findings;
}

// Idle workers wait for work in channels, and a block profile counts their time like any other: only locks tell.
Findings block_contention(const Snapshot& snapshot) {
  Findings findings;
  for (const RunProfile* profile : profiles_of_kind(snapshot, ProfileKind::kBlock)) {
    int64_t locks = profile->digest.runtime[static_cast<size_t>(RuntimeWork::kLocking)];
    double rate = delay_rate(snapshot, profile->digest, locks);
    if (rate >= kWaitersWorthTelling && !profile->digest.by_charged.empty())
      findings.push_back(contention(snapshot, *profile, rate, "block-contention"));
  }
  return findings;
}

}  // namespace ec::rules
