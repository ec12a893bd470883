#include "collector/analysis/profile_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/words.h"
#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kPathBytes = 150;

std::string cores_words(const ProfileDigest& digest) {
  if (digest.duration_ns <= 0 || digest.unit != "nanoseconds") return value_words(digest.total, digest.unit);
  return fmt::format("{} in {}, {:.1f} cores", value_words(digest.total, digest.unit),
                     value_words(digest.duration_ns, "nanoseconds"),
                     static_cast<double>(digest.total) / static_cast<double>(digest.duration_ns));
}

std::string objects_words(const ProfileDigest& digest) {
  auto* objects = total_of(digest, digest.type == "inuse_space" ? "inuse_objects" : "alloc_objects");
  return objects ? fmt::format(", {} objects", objects->value) : "";
}

}  // namespace

std::string value_words(int64_t value, std::string_view unit) {
  auto number = static_cast<double>(value);
  if (unit == "bytes") return human_bytes(number);
  if (unit != "nanoseconds") return std::to_string(value);
  if (number >= 120e9) return human_duration(number / 1e9);
  return number >= 1e9 ? fmt::format("{:.2f} s", number / 1e9) : fmt::format("{:.1f} ms", number / 1e6);
}

std::string percent_words(double share) { return share < 0.01 ? "under 1 %" : fmt::format("{:.0f} %", 100 * share); }

std::string charged_words(const ProfileDigest& digest, size_t index, bool always_caller) {
  if (index >= digest.by_charged.size()) return {};
  const DigestFunction& function = digest.by_charged[index];
  std::string text =
      fmt::format("{} in {}", percent_words(share(digest, function.charged)), in_sentence(function.name, 100));
  bool tell = always_caller || origin_of(function.name) != FunctionOrigin::kProgram;
  if (tell && index < digest.paths.size() && !digest.paths[index].caller.empty())
    text += ", called by " + in_sentence(digest.paths[index].caller, 100);
  return text;
}

std::string runtime_words(const ProfileDigest& digest, double least) {
  std::string text;
  for (size_t i = kRuntimeWorks; i-- > static_cast<size_t>(RuntimeWork::kOther);) {
    double part = share(digest, digest.runtime[i]);
    if (part >= least)
      text +=
          fmt::format("{}{} {}", text.empty() ? "" : ", ", to_string(static_cast<RuntimeWork>(i)), percent_words(part));
  }
  return text;
}

std::string path_words(const DigestPath& path, size_t most) {
  size_t end = path.functions.size();
  while (end > 1 && origin_of(path.functions[end - 1]) == FunctionOrigin::kRuntime) --end;
  std::string text;
  size_t told = 0;
  // Of functions with long names fewer: the whole must fit into what an excerpt may have.
  for (; told < std::min(end, most); ++told) {
    std::string name = printable_line(path.functions[told], 100);
    if (told > 0 && text.size() + name.size() > kPathBytes) break;
    text += (told == 0 ? "" : " ← ") + name;
  }
  return end > told ? text + fmt::format(" ← {} more", end - told) : text;
}

Evidence charged_evidence(const RunProfile& profile, size_t index) {
  const ProfileDigest& digest = profile.digest;
  Evidence evidence{profile.artifact, "", ""};
  if (index >= digest.by_charged.size()) return evidence;
  evidence.locator = "function " + printable_line(digest.by_charged[index].name, 120);
  evidence.excerpt = fmt::format("{} of {} {}", value_words(digest.by_charged[index].charged, digest.unit),
                                 value_words(digest.total, digest.unit), digest.type);
  if (index < digest.paths.size()) evidence.excerpt += ": " + path_words(digest.paths[index]);
  return evidence;
}

std::string profile_sentence(const RunProfile& profile) {
  const ProfileDigest& digest = profile.digest;
  std::string text = in_sentence(profile.name, 60) + ": ";
  if (digest.total <= 0) return text + (digest.samples == 0 ? "nothing was recorded" : "nothing adds up in it");
  std::string top = charged_words(digest, 0), runtime = runtime_words(digest, 0.05);
  std::string total = value_words(digest.total, digest.unit);
  switch (digest.kind) {
    case ProfileKind::kCpu:
      return text + top + (runtime.empty() || top.empty() ? runtime : "; " + runtime) +
             fmt::format(" ({})", cores_words(digest));
    case ProfileKind::kHeap:
      return text + fmt::format("{} in use{}", total, objects_words(digest)) + (top.empty() ? "" : "; " + top);
    case ProfileKind::kAllocs:
      return text + fmt::format("{} allocated{}", total, objects_words(digest)) + (top.empty() ? "" : "; " + top);
    case ProfileKind::kMutex:
    case ProfileKind::kBlock:
      return text + fmt::format("{} waited in all", total) + (top.empty() ? "" : "; " + top) +
             (digest.kind == ProfileKind::kMutex && !top.empty() ? " (who held the lock)" : "");
    case ProfileKind::kGoroutine:
    case ProfileKind::kThreadCreate:
      return text +
             counted(static_cast<uint64_t>(digest.total),
                     digest.kind == ProfileKind::kGoroutine ? "goroutine" : "thread") +
             (top.empty() ? "" : "; " + top);
    case ProfileKind::kOther:
      break;
  }
  return text + fmt::format("{} {}", total, in_sentence(digest.type, 40)) + (top.empty() ? "" : "; " + top);
}

std::vector<std::string> profile_sentences(const Snapshot& snapshot) {
  std::vector<std::string> lines;
  if (!snapshot.profiles) return lines;
  std::string empty;
  for (const RunProfile& profile : snapshot.profiles->read) {
    if (profile.digest.samples > 0)
      lines.push_back(profile_sentence(profile));
    else if (!profile.name.ends_with(kAfter))
      empty += (empty.empty() ? "" : ", ") + in_sentence(profile.name, 60);
  }
  if (!empty.empty()) lines.push_back("nothing was recorded: " + empty);
  for (const UnreadProfile& unread : snapshot.profiles->unread)
    lines.push_back(
        fmt::format("{}: not read: {}", printable_line(unread.artifact, 160), printable_line(unread.why.detail, 200)));
  return lines;
}

std::vector<const RunProfile*> profiles_of_kind(const Snapshot& snapshot, ProfileKind kind) {
  std::vector<const RunProfile*> found;
  if (snapshot.profiles)
    for (const RunProfile& profile : snapshot.profiles->read)
      if (profile.digest.kind == kind) found.push_back(&profile);
  return found;
}

const RunProfile* taken_again(const Snapshot& snapshot, const RunProfile& profile) {
  auto folder = [](const RunProfile& one) { return std::string_view(one.artifact).substr(0, one.artifact.rfind('/')); };
  for (const RunProfile* one : profiles_of_kind(snapshot, profile.digest.kind))
    if (one->name == profile.name + std::string(kAfter) && folder(*one) == folder(profile)) return one;
  return nullptr;
}

}  // namespace ec
