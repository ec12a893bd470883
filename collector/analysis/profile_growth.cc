#include "collector/analysis/profile_growth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "collector/analysis/profile_words.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/profile/measurement.h"

namespace ec {

namespace {

constexpr size_t kFunctions = 3;

const DigestFunction* find(const ProfileDigest& digest, const std::string& name) {
  auto found = std::find_if(digest.by_charged.begin(), digest.by_charged.end(),
                            [&](const DigestFunction& one) { return one.name == name; });
  return found == digest.by_charged.end() ? nullptr : &*found;
}

// A number that grows while the work stays the same; what counts since the start always grows.
bool is_level(ProfileKind kind) {
  return kind == ProfileKind::kHeap || kind == ProfileKind::kGoroutine || kind == ProfileKind::kThreadCreate;
}

const RunProfile* counterpart(const Snapshot& snapshot, const RunProfile& profile) {
  if (snapshot.profiles)
    for (const RunProfile& one : snapshot.profiles->read)
      if (one.name == profile.name && one.digest.kind == profile.digest.kind) return &one;
  return nullptr;
}

}  // namespace

std::optional<ProfileGrowth> growth_between(const ProfileDigest& before, const ProfileDigest& after) {
  if (before.kind != after.kind || before.type != after.type || before.unit != after.unit) return std::nullopt;
  ProfileGrowth growth;
  growth.total = wrapping_sum(after.total, -std::max<int64_t>(0, before.total));
  growth.share = before.total > 0 ? static_cast<double>(growth.total) / static_cast<double>(before.total) : 1;
  auto *objects_before = total_of(before, "inuse_objects"), *objects_after = total_of(after, "inuse_objects");
  if (objects_before && objects_after)
    growth.objects = wrapping_sum(objects_after->value, -std::max<int64_t>(0, objects_before->value));
  for (size_t i = 0; i < after.by_charged.size(); ++i) {
    const DigestFunction& now = after.by_charged[i];
    const DigestFunction* then = find(before, now.name);
    FunctionGrowth one{now.name, then ? then->charged : 0, now.charged, "", ""};
    if (one.after <= one.before) continue;
    if (i < after.paths.size()) {
      one.caller = after.paths[i].caller;
      one.path = path_words(after.paths[i]);
    }
    growth.functions.push_back(std::move(one));
  }
  std::sort(growth.functions.begin(), growth.functions.end(),
            [](const FunctionGrowth& a, const FunctionGrowth& b) { return a.after - a.before > b.after - b.before; });
  if (growth.functions.size() > kFunctions) growth.functions.resize(kFunctions);
  return growth;
}

std::string growth_words(const ProfileGrowth& growth) {
  if (growth.functions.empty()) return "no function stands out";
  const FunctionGrowth& top = growth.functions.front();
  std::string text =
      fmt::format("{} of it in {}", value_words(top.after - top.before, "bytes"), in_sentence(top.name, 100));
  if (!top.caller.empty()) text += ", called by " + in_sentence(top.caller, 100);
  if (growth.objects > 0)
    text += fmt::format(" ({} more in all)", counted(static_cast<uint64_t>(growth.objects), "object"));
  return text;
}

std::vector<std::string> profile_changes(const Snapshot& before, const Snapshot& after) {
  std::vector<std::string> lines;
  if (!before.profiles || !after.profiles) return lines;
  for (const RunProfile& now : after.profiles->read) {
    const RunProfile* then = is_level(now.digest.kind) ? counterpart(before, now) : nullptr;
    auto growth = then ? growth_between(then->digest, now.digest) : std::nullopt;
    if (!growth || std::abs(growth->share) < 0.1 || growth->total == 0) continue;
    std::string line = fmt::format("{:<14} {} → {} {}", printable_line(now.name, 40),
                                   value_words(then->digest.total, then->digest.unit),
                                   value_words(now.digest.total, now.digest.unit), now.digest.type);
    for (const FunctionGrowth& one : growth->functions)
      line += fmt::format("\n                 {} → {} in {}", value_words(one.before, now.digest.unit),
                          value_words(one.after, now.digest.unit),
                          one.path.empty() ? printable_line(one.name, 120) : printable_line(one.path, 300));
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace ec
