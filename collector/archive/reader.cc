#include "collector/archive/reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "collector/archive/manifest.h"
#include "collector/archive/members.h"
#include "collector/base/sha256.h"
#include "collector/base/text.h"
#include "collector/base/unique_fd.h"

namespace ec {

namespace {

constexpr std::string_view kManifest = "manifest.json", kJournal = "journal.jsonl";
constexpr auto npos = std::string_view::npos;

Result<std::string> read_whole(int fd, const std::string& path, uint64_t size) {
  if (size > kMostBytes)
    return fail(ErrorCode::kUnsupported, path, fmt::format("larger than {}", human_bytes(double{kMostBytes})));
  std::string bytes(size, '\0');
  size_t have = 0;
  while (have < bytes.size()) {
    ssize_t got = read(fd, bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(path, errno);
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

// The folder that all members are in, "" when there is none: a fixture, or a tar of the folder's content.
std::string common_folder(const std::vector<ReadMember>& members) {
  std::string folder;
  for (const ReadMember& member : members) {
    size_t slash = member.name.find('/');
    std::string_view first = std::string_view(member.name).substr(0, slash);
    if (slash == npos || (!folder.empty() && first != folder)) return {};
    folder = first;
  }
  constexpr std::array<std::string_view, 8> kOurs{"raw",    "process", "threads",  "profiles",
                                                  "system", "logs",    "runbooks", "host"};
  return std::find(kOurs.begin(), kOurs.end(), folder) == kOurs.end() ? folder : std::string{};
}

// "incident-HOST-COMM-PID-20261120T214638Z", from the right: HOST and COMM may hold dashes themselves.
void take_facts_from_folder(OpenedArchive& archive) {
  std::string_view name = archive.folder;
  if (name.ends_with(kSymbolized)) name.remove_suffix(kSymbolized.size());
  size_t time = name.rfind('-');
  size_t pid = time == npos || time == 0 ? npos : name.rfind('-', time - 1);
  if (pid == npos || !name.starts_with("incident-")) return;
  std::string_view stamp = name.substr(time + 1);
  auto number = parse_number<int>(name.substr(pid + 1, time - pid - 1));
  if (stamp.size() != 16 || !number || *number < 0) return;
  archive.target.pid = *number;
  archive.run.started_wall_ns =
      ns_of_rfc3339(fmt::format("{}-{}-{}T{}:{}:{}Z", stamp.substr(0, 4), stamp.substr(4, 2), stamp.substr(6, 2),
                                stamp.substr(9, 2), stamp.substr(11, 2), stamp.substr(13, 2)));
}

const ReadMember* last_named(const std::vector<ReadMember>& members, std::string_view name) {
  auto found =
      std::find_if(members.rbegin(), members.rend(), [&](const ReadMember& member) { return member.name == name; });
  return found == members.rend() ? nullptr : &*found;
}

void add_row(std::vector<ArtifactRow>& rows, std::set<std::string, std::less<>>& known, ArtifactRow row) {
  if (is_safe_name(row.path) && known.insert(row.path).second) rows.push_back(std::move(row));
}

// manifest.json, else the journal and, for what came after it, the rows that the members carry.
void take_rows(OpenedArchive& archive, const std::vector<ReadMember>& members) {
  std::set<std::string, std::less<>> known;
  if (const ReadMember* member = last_named(members, kManifest)) {
    auto manifest = manifest_from_json(member->bytes);
    if (manifest) {
      archive.finished = true;
      archive.complete = manifest->complete;
      archive.run = std::move(manifest->run);
      archive.target = std::move(manifest->target);
      archive.host_name = std::move(manifest->host_name);
      archive.kernel = std::move(manifest->kernel);
      archive.boot_id = std::move(manifest->boot_id);
      for (ArtifactRow& row : manifest->rows) add_row(archive.rows, known, std::move(row));
      return;
    }
    if (!archive.damage.empty()) archive.damage += "; ";
    archive.damage += manifest.error().message();
  }
  take_facts_from_folder(archive);
  if (const ReadMember* journal = last_named(members, kJournal))
    for (ArtifactRow& row : rows_of_journal(journal->bytes)) add_row(archive.rows, known, std::move(row));
  for (const ReadMember& member : members) {
    auto row = member.row.empty() ? std::nullopt : row_from_json(member.row);
    if (row && row->path == member.name) add_row(archive.rows, known, std::move(*row));
  }
}

OpenedArchive assemble(Members members) {
  OpenedArchive archive;
  archive.damage = std::move(members.damage);
  archive.folder = common_folder(members.list);
  for (ReadMember& member : members.list)
    if (!archive.folder.empty()) member.name.erase(0, archive.folder.size() + 1);
  take_rows(archive, members.list);
  // Rows first: an artifact that failed tells why. Then the bytes, the last of a name last.
  std::map<std::string_view, const ArtifactRow*> rows;
  for (const ArtifactRow& row : archive.rows) {
    rows.emplace(row.path, &row);
    if (row.status != Status::kOk && row.status != Status::kPartial) archive.store.add(row, {});
  }
  for (ReadMember& member : members.list) {
    auto row = rows.find(member.name);
    ArtifactRow own;
    if (row != rows.end())
      own = *row->second;
    else
      own.path = member.name;
    archive.store.add(std::move(own), std::move(member.bytes));
  }
  return archive;
}

}  // namespace

Result<OpenedArchive> open_archive(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about {};
  if (!fd || fstat(fd.get(), &about) != 0) {
    Error error = sys_error(path, errno);
    if (errno == ENOENT || errno == ENOTDIR) error.code = ErrorCode::kNotFound;
    return tl::unexpected(error);
  }
  if (!S_ISDIR(about.st_mode) && !S_ISREG(about.st_mode))
    return fail(ErrorCode::kMalformed, path, "neither a file nor a folder");
  Result<Members> members = fail(ErrorCode::kIo, path, "");
  ArchiveFormat format = ArchiveFormat::kTarZst;
  if (S_ISDIR(about.st_mode)) {
    members = members_of_folder(path);
    if (members && members->list.empty()) return fail(ErrorCode::kMalformed, path, "an empty folder");
  } else {
    auto bytes = read_whole(fd.get(), path, static_cast<uint64_t>(about.st_size));
    if (!bytes) return tl::unexpected(bytes.error());
    if (bytes->starts_with("PK")) format = ArchiveFormat::kZip;
    if (bytes->starts_with("\x1f\x8b")) format = ArchiveFormat::kTarGz;
    members = members_of_archive(*bytes);
  }
  if (!members) {
    Error error = members.error();
    if (error.where.empty()) error.where = path;
    return tl::unexpected(error);
  }
  OpenedArchive archive = assemble(std::move(*members));
  archive.format = format;
  if (S_ISDIR(about.st_mode) && archive.folder.empty()) {
    std::string_view name = path;
    while (name.ends_with('/')) name.remove_suffix(1);
    archive.folder = name.substr(name.rfind('/') + 1);
    if (!archive.finished) take_facts_from_folder(archive);
  }
  return archive;
}

Verification verify(const OpenedArchive& archive) {
  Verification result;
  std::set<std::string_view> listed;
  for (const ArtifactRow& row : archive.rows) {
    listed.insert(row.path);
    if (row.status != Status::kOk && row.status != Status::kPartial) continue;
    ++result.artifacts;
    auto bytes = archive.store.read(row.path);
    if (!bytes) {
      result.problems.push_back(
          fmt::format("{}: in the {}, not in the archive", row.path, archive.finished ? "manifest" : "journal"));
      continue;
    }
    result.bytes += bytes->size();
    if (bytes->size() != row.bytes)
      result.problems.push_back(fmt::format("{}: {} bytes, {} expected", row.path, bytes->size(), row.bytes));
    else if (to_hex(sha256(*bytes)) != row.sha256)
      result.problems.push_back(row.path + ": hash differs");
    else
      ++result.hashes_right;
  }
  for (const std::string& path : archive.store.list(""))
    if (!listed.contains(path) && path != kManifest && path != kJournal) result.unlisted.push_back(path);
  return result;
}

}  // namespace ec
