// Memory of a runtime with a garbage collector: how fast it is used up, what collecting costs, what stays.
#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/profile_growth.h"
#include "collector/analysis/profile_words.h"
#include "collector/analysis/rules.h"
#include "collector/base/text.h"

namespace ec::rules {

namespace {

std::string endpoint_file(const Endpoint& endpoint, std::string_view name) {
  for (const PulledProfile& one : endpoint.profiles)
    if (one.name == name || one.artifact.ends_with(name)) return one.artifact;
  return "raw/endpoint.json";
}

// GOGC and GOMEMLIMIT of the environment: settings, no secrets; only what a number or a size can be is shown.
std::string go_settings(const Snapshot& snapshot) {
  std::string text;
  if (!snapshot.process.environment) return text;
  for (const char* name : {"GOGC", "GOMEMLIMIT", "GOMAXPROCS"}) {
    auto found = snapshot.process.environment->find(name);
    if (found == snapshot.process.environment->end()) continue;
    std::string_view value = found->second;
    bool plain = value == "off" || (!value.empty() && value.size() <= 24 &&
                                    value.find_first_not_of("0123456789.KMGTiB") == std::string_view::npos);
    if (plain) text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name, value);
  }
  return text;
}

struct Collecting {
  double cpu_share = 0;    // of the CPU time in the profile
  double cores = 0;        // that it takes
  double per_second = 0;   // collections, between the two readings
  double pause_share = 0;  // of the time all goroutines stood still
  const RunProfile* profile = nullptr;
  const Endpoint* endpoint = nullptr;
};

Collecting collecting(const Snapshot& snapshot) {
  Collecting now;
  for (const RunProfile* profile : profiles_of_kind(snapshot, ProfileKind::kCpu)) {
    const ProfileDigest& digest = profile->digest;
    int64_t spent = digest.runtime[static_cast<size_t>(RuntimeWork::kGarbageCollection)];
    if (digest.duration_ns <= 0 || digest.unit != "nanoseconds" || share(digest, spent) < now.cpu_share) continue;
    now.profile = profile;
    now.cpu_share = share(digest, spent);
    now.cores = static_cast<double>(spent) / static_cast<double>(digest.duration_ns);
  }
  if (snapshot.endpoints)
    for (const Endpoint& endpoint : *snapshot.endpoints) {
      // Over less than that one collection more or less is half of the rate.
      if (!endpoint.go || !endpoint.go_before || endpoint.go_seconds < 1) continue;
      now.endpoint = &endpoint;
      now.per_second = static_cast<double>(endpoint.go->gc_count - endpoint.go_before->gc_count) / endpoint.go_seconds;
      now.pause_share = (endpoint.go->pause_total_ms - endpoint.go_before->pause_total_ms) / 1000 / endpoint.go_seconds;
    }
  return now;
}

// The Go collector takes a quarter of the CPUs while it runs; a program in which that is always so collects without
// end. From GOMEMLIMIT on the runtime itself stops at half of them (Go GC guide, "limiter").
std::optional<Severity> severity_of(const Collecting& now) {
  if (now.cores < 0.1 && now.pause_share < 0.05) return std::nullopt;
  if (now.cpu_share >= 0.45 || now.pause_share >= 0.2) return Severity::kHigh;
  if (now.cpu_share >= 0.25 || now.pause_share >= 0.05) return Severity::kMedium;
  if (now.cpu_share >= 0.1 && now.per_second >= 10) return Severity::kLow;
  return std::nullopt;
}

// What was allocated most, of the profile that tells: of allocs since the program began.
void add_allocators(const Snapshot& snapshot, Finding& finding) {
  for (const RunProfile* profile : profiles_of_kind(snapshot, ProfileKind::kAllocs)) {
    if (profile->digest.by_charged.empty()) continue;
    finding.detail += fmt::format(" Of what it has allocated since it began {}.", charged_words(profile->digest, 0));
    for (size_t i = 0; i < std::min<size_t>(profile->digest.by_charged.size(), 3); ++i)
      if (i == 0 || share(profile->digest, profile->digest.by_charged[i].charged) >= 0.1)
        finding.evidence.push_back(charged_evidence(*profile, i));
    return;
  }
}

}  // namespace

Findings gc_pressure(const Snapshot& snapshot) {
  Collecting now = collecting(snapshot);
  auto severity = severity_of(now);
  if (!severity) return {};
  Finding finding{"gc-pressure", *severity, "", "", {}};
  finding.title =
      now.pause_share >= 0.05 && now.cpu_share < 0.25
          ? fmt::format("Garbage collection stops the program for {} of the time", percent_words(now.pause_share))
          : fmt::format("Garbage collection takes {} of its CPU time", percent_words(now.cpu_share));
  finding.detail = fmt::format("{} spends {:.1f} cores on garbage collection, {} of its CPU time",
                               target_name(snapshot), now.cores, percent_words(now.cpu_share));
  if (now.endpoint) finding.detail += fmt::format(", with {:.1f} collections per second", now.per_second);
  finding.detail += ".";
  if (std::string settings = go_settings(snapshot); !settings.empty())
    finding.detail += fmt::format(" Its settings: {}.", settings);
  if (now.profile)
    finding.evidence.push_back({now.profile->artifact, "garbage collection", runtime_words(now.profile->digest, 0.01)});
  if (now.endpoint)
    finding.evidence.push_back(
        {endpoint_file(*now.endpoint, "vars-after"), "memstats",
         fmt::format("NumGC {} → {} in {:.1f} s, heap {} of {}", now.endpoint->go_before->gc_count,
                     now.endpoint->go->gc_count, now.endpoint->go_seconds,
                     human_bytes(static_cast<double>(now.endpoint->go->heap_alloc_bytes)),
                     human_bytes(static_cast<double>(now.endpoint->go->next_gc_bytes)))});
  add_allocators(snapshot, finding);
  return {finding};
}

Findings allocation_storm(const Snapshot& snapshot) {
  Findings findings;
  if (!snapshot.endpoints) return findings;
  for (const Endpoint& endpoint : *snapshot.endpoints) {
    if (!endpoint.go || !endpoint.go_before || endpoint.go_seconds < 1) continue;
    double rate =
        static_cast<double>(endpoint.go->allocated_bytes - endpoint.go_before->allocated_bytes) / endpoint.go_seconds;
    // A core clears and hands out a few GiB per second when it does nothing else: from one on, allocation is what the
    // program does.
    constexpr double kGiB = 1024.0 * 1024 * 1024;
    if (rate < kGiB) continue;
    Finding finding{"allocation-storm",
                    rate >= 4 * kGiB ? Severity::kMedium : Severity::kLow,
                    fmt::format("Allocates {} per second", human_bytes(rate)),
                    "",
                    {}};
    finding.detail = fmt::format("{} allocates {} per second; each byte must be cleared and collected again.",
                                 target_name(snapshot), human_bytes(rate));
    finding.evidence.push_back({endpoint_file(endpoint, "vars-after"), "memstats.TotalAlloc",
                                fmt::format("{} → {} in {:.1f} s", endpoint.go_before->allocated_bytes,
                                            endpoint.go->allocated_bytes, endpoint.go_seconds)});
    add_allocators(snapshot, finding);
    findings.push_back(std::move(finding));
  }
  return findings;
}

// Go's heap profile is of the last finished collection: garbage is not in it, so growth between two is of what is held.
Findings heap_growth(const Snapshot& snapshot) {
  Findings findings;
  for (const RunProfile* earlier : profiles_of_kind(snapshot, ProfileKind::kHeap)) {
    const RunProfile* later = taken_again(snapshot, *earlier);
    if (!later) continue;
    const RunProfile &before = *earlier, &after = *later;
    auto growth = growth_between(before.digest, after.digest);
    // What sampling (one in 512 KiB) and a cache that fills in passing explain.
    constexpr int64_t kLeast = 16 << 20;
    if (!growth || growth->total < kLeast || growth->share < 0.2) continue;
    Finding finding{"heap-growth", growth->share >= 0.5 ? Severity::kMedium : Severity::kLow, "", "", {}};
    finding.title = fmt::format("The heap grew by {} during the run", value_words(growth->total, "bytes"));
    finding.detail = fmt::format("What {} holds grew from {} to {}; {}. Two readings are no trend: --samples tells.",
                                 target_name(snapshot), value_words(before.digest.total, "bytes"),
                                 value_words(after.digest.total, "bytes"), growth_words(*growth));
    for (const FunctionGrowth& one : growth->functions)
      finding.evidence.push_back({after.artifact, "function " + printable_line(one.name, 120),
                                  fmt::format("{} → {}: {}", value_words(one.before, "bytes"),
                                              value_words(one.after, "bytes"), printable_line(one.path, 300))});
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace ec::rules
