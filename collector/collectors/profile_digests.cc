#include "collector/collectors/profile_digests.h"

#include <algorithm>

#include "collector/base/text.h"
#include "collector/profile/any_profile.h"
#include "collector/profile/gzip.h"

namespace ec {

namespace {

constexpr size_t kMostProfiles = 64;

// "profiles/127.0.0.1_6060/heap.pb.gz" → "heap".
std::string name_of(std::string_view path) {
  std::string_view file = path.substr(path.rfind('/') + 1);
  return printable_line(file.substr(0, file.find('.')), 60);
}

bool known(const Profiles& profiles, std::string_view path) {
  auto same = [&](const auto& one) { return one.artifact == path; };
  return std::any_of(profiles.read.begin(), profiles.read.end(), same) ||
         std::any_of(profiles.unread.begin(), profiles.unread.end(), same);
}

bool is_profile(std::string_view path) {
  return path.ends_with(".pb.gz") || path.ends_with(".pb") || path.ends_with(".prof");
}

// `room`: unpacked bytes that may be read; what was read is taken off.
Result<RunProfile> read_profile(const ArtifactRow& row, std::string_view served, size_t& room) {
  size_t most = std::min(kMostDigested, room);
  auto bytes = looks_gzipped(served) ? gunzip(row.path, served, most) : Result<std::string>(std::string());
  bool too_large = bytes ? served.size() > most : bytes.error().code == ErrorCode::kUnsupported;
  if (too_large)
    return fail(ErrorCode::kSkipped, row.path,
                fmt::format("too large to be read in a run ({} MiB unpacked are, {} MiB of all profiles)",
                            kMostDigested >> 20, kMostDigestedOfRun >> 20));
  if (!bytes) return tl::unexpected(bytes.error());
  if (!looks_gzipped(served)) *bytes = served;
  room -= bytes->size();
  auto profile = parse_profile(row.path, std::move(*bytes));
  if (!profile) return tl::unexpected(profile.error());
  const Pprof& pprof = profile->owned.profile;
  std::string name = name_of(row.path);
  ProfileKind kind = profile_kind(name, pprof);
  return RunProfile{std::move(name), row.path, row.at_ms, digest_profile(kind, pprof)};
}

}  // namespace

void read_profiles(const RawStore& store, Snapshot& snapshot) {
  Profiles profiles;
  if (snapshot.profiles) profiles = std::move(*snapshot.profiles);
  size_t room = kMostDigestedOfRun;
  for (const std::string& path : store.list("profiles/")) {
    const ArtifactRow* row = store.row(path);
    // What the archive derived from other artifacts belongs to no collector.
    if (!is_profile(path) || row->collector.empty() || known(profiles, path)) continue;
    if (profiles.read.size() + profiles.unread.size() == kMostProfiles) break;
    auto served = store.read(path);
    if (!served) continue;  // the endpoint says why
    auto read = read_profile(*row, *served, room);
    if (read)
      profiles.read.push_back(std::move(*read));
    else
      profiles.unread.push_back({path, read.error()});
  }
  if (!profiles.read.empty() || !profiles.unread.empty()) snapshot.profiles = std::move(profiles);
}

}  // namespace ec
