#include "collector/cli/archive_copy.h"

#include <set>

#include "collector/base/sha256.h"

namespace ec {

namespace {

Result<void> copy_one(const OpenedArchive& archive, ArtifactRow row, ArchiveWriter& writer) {
  if (row.status != Status::kOk && row.status != Status::kPartial) return writer.add(row, {});
  auto bytes = archive.store.read(row.path);
  if (!bytes) {
    row.status = Status::kFailed;
    row.reason = "not in the archive that this is a copy of";
    return writer.add(row, {});
  }
  if (!row.sha256.empty() && to_hex(sha256(*bytes)) != row.sha256) {
    row.status = Status::kPartial;
    row.reason = "its hash was wrong already in the archive that this is a copy of";
  }
  return writer.add(row, *bytes);
}

}  // namespace

Result<void> copy_artifacts(const OpenedArchive& archive, const std::function<bool(const std::string& path)>& replaced,
                            ArchiveWriter& writer) {
  std::set<std::string_view> listed{"manifest.json", "journal.jsonl"};
  for (const ArtifactRow& row : archive.rows) {
    if (!listed.insert(row.path).second || replaced(row.path)) continue;
    if (auto copied = copy_one(archive, row, writer); !copied) return copied;
  }
  for (const std::string& path : archive.store.list("")) {
    if (listed.contains(path) || replaced(path)) continue;
    ArtifactRow row;
    row.path = path;
    row.status = Status::kPartial;
    row.reason = "no row tells of it in the archive that this is a copy of";
    if (auto copied = copy_one(archive, row, writer); !copied) return copied;
  }
  return {};
}

std::string name_of_copy(const std::string& path, ArchiveFormat format, const std::string& directory) {
  std::string_view name = path;
  while (name.size() > 1 && name.ends_with('/')) name.remove_suffix(1);
  constexpr std::string_view kEnds[] = {".partial", ".tar.zst", ".tar.gz", ".tgz", ".tar", ".zip", kSymbolized};
  for (std::string_view end : kEnds)
    if (name.size() > end.size() && name.ends_with(end)) name.remove_suffix(end.size());
  std::string copy(name);
  if (!directory.empty()) copy = directory + "/" + copy.substr(copy.rfind('/') + 1);  // npos + 1 == 0
  return copy.append(kSymbolized).append(extension(format));
}

}  // namespace ec
