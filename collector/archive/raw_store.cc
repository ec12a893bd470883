#include "collector/archive/raw_store.h"

#include <utility>

namespace ec {

void RawStore::add(ArtifactRow row, std::string bytes) {
  std::string path = row.path;
  entries_.insert_or_assign(std::move(path), Entry{std::move(row), std::move(bytes)});
}

Result<std::string_view> RawStore::read(std::string_view path) const {
  auto found = entries_.find(path);
  if (found == entries_.end()) return fail(ErrorCode::kNotFound, std::string(path), "not collected");
  const Entry& entry = found->second;
  switch (entry.row.status) {
    case Status::kOk:
    case Status::kPartial:
      return std::string_view(entry.bytes);
    case Status::kTimeout:
      return fail(ErrorCode::kTimeout, std::string(path), entry.row.reason);
    case Status::kSkipped:
      return fail(ErrorCode::kSkipped, std::string(path), entry.row.reason);
    case Status::kFailed:
      break;
  }
  return fail(ErrorCode::kIo, std::string(path), entry.row.reason);
}

std::vector<Section> RawStore::bundle(std::string_view path) const {
  auto bytes = read(path);
  return bytes ? parse_bundle(*bytes) : std::vector<Section>{};
}

Result<std::vector<Section>> RawStore::whole_sections(std::string_view path) const {
  auto bytes = read(path);
  if (!bytes) return tl::unexpected(bytes.error());
  auto sections = parse_bundle(*bytes);
  if (sections.empty()) return fail(ErrorCode::kMalformed, std::string(path), "expected sections");
  std::erase_if(sections, [](const Section& one) { return one.failed; });
  return sections;
}

const ArtifactRow* RawStore::row(std::string_view path) const {
  auto found = entries_.find(path);
  return found == entries_.end() ? nullptr : &found->second.row;
}

std::vector<std::string> RawStore::list(std::string_view prefix) const {
  std::vector<std::string> paths;
  for (auto it = entries_.lower_bound(prefix); it != entries_.end() && it->first.starts_with(prefix); ++it)
    paths.push_back(it->first);
  return paths;
}

}  // namespace ec
