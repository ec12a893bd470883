#include "collector/archive/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "collector/archive/format.h"
#include "collector/archive/manifest.h"
#include "collector/archive/output_file.h"
#include "collector/archive/reader.h"
#include "collector/archive/store_index.h"
#include "collector/base/directory_entries.h"
#include "collector/base/text.h"

namespace ec {

namespace {

constexpr std::string_view kPartial = ".partial", kLock = ".lock";
constexpr size_t kMostEntries = 100'000;
constexpr ArchiveFormat kFormats[] = {ArchiveFormat::kTarZst, ArchiveFormat::kTarGz, ArchiveFormat::kZip};

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// "20261120T214638Z"
bool is_compact_utc(std::string_view text) {
  return text.size() == 16 && text[8] == 'T' && text[15] == 'Z' && all_digits(text.substr(0, 8)) &&
         all_digits(text.substr(9, 6));
}

std::string_view ending_of(std::string_view name) {
  for (ArchiveFormat format : kFormats)
    if (name.ends_with(extension(format))) return extension(format);
  return {};
}

bool is_folder_name(std::string_view stem) {
  constexpr std::string_view kPrefix = "incident-";
  if (!stem.starts_with(kPrefix) || stem.size() > 250) return false;
  for (char c : stem) {
    bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (!plain) return false;
  }
  size_t time = stem.rfind('-');
  size_t pid = stem.substr(0, time).rfind('-');
  return is_compact_utc(stem.substr(time + 1)) && pid > kPrefix.size() &&
         all_digits(stem.substr(pid + 1, time - pid - 1));
}

int64_t ns_of(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

// What the summary says; an archive that was cut short has none.
void take_summary(const OpenedArchive& archive, StoredArchive& stored) {
  auto text = archive.store.read("summary.json");
  if (!text) return;
  auto summary = nlohmann::json::parse(*text, nullptr, false);
  if (!summary.is_object()) return;
  auto text_of = [](const nlohmann::json& object, const char* key) {
    auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
  };
  stored.verdict = printable_line(text_of(summary, "verdict"), 600);
  auto findings = summary.find("findings");
  if (findings == summary.end() || !findings->is_array() || findings->empty()) return;
  if (findings->front().is_object()) stored.worst = printable_line(text_of(findings->front(), "severity"), 20);
}

// Gives the path of the copy. A copy that is not whole does not stay.
Result<std::string> copy_whole(int from, const std::string& name, OutputFile& to) {
  std::string buffer(1 << 20, '\0');
  Result<void> written;
  ssize_t got = 0;
  while (written && (got = read(from, buffer.data(), buffer.size())) > 0)
    written = to.append({buffer.data(), static_cast<size_t>(got)}, 0);
  if (got < 0) written = fail_errno(name, errno);
  if (written) written = to.finish();
  if (written) return to.path();
  if (to.path() != "-") unlink(to.path().c_str());
  return tl::unexpected(written.error());
}

}  // namespace

bool is_archive_name(std::string_view name) {
  if (name.ends_with(kPartial)) name.remove_suffix(kPartial.size());
  std::string_view ending = ending_of(name);
  if (ending.empty()) return false;
  name.remove_suffix(ending.size());
  // A second of the same second: "-2".
  size_t dash = name.rfind('-');
  if (dash != std::string_view::npos && all_digits(name.substr(dash + 1)) && name.size() - dash <= 5)
    name = name.substr(0, dash);
  if (name.ends_with(kSymbolized)) name.remove_suffix(kSymbolized.size());
  return is_folder_name(name);
}

std::string default_store_directory() {
  constexpr const char* kName = "/emergency-collect";
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state && state[0] == '/') return std::string(state) + kName;
  if (geteuid() == 0) return std::string("/var/lib") + kName;
  const char* home = std::getenv("HOME");
  return home && home[0] == '/' ? std::string(home) + "/.local/state" + kName : std::string{};
}

bool same_program(const StoredArchive& archive, std::string_view comm, std::string_view exe, std::string_view unit) {
  if (!archive.exe.empty() && !exe.empty()) return archive.exe == exe;
  if (!archive.unit.empty() && !unit.empty()) return archive.unit == unit;
  return archive.comm == comm;
}

Result<ArchiveStore> ArchiveStore::open(const std::string& directory, bool create) {
  if (directory.empty()) return fail(ErrorCode::kUsage, "store", "no directory is known for it: give --store DIR");
  for (size_t slash = directory.find('/', 1); create; slash = directory.find('/', slash + 1)) {
    std::string part = directory.substr(0, slash);
    if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno(part, errno, "cannot make the store");
    if (slash == std::string::npos) break;
  }
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    Error error = sys_error(directory, errno, "cannot open the store");
    if (errno == ENOENT) error.code = ErrorCode::kNotFound;
    return tl::unexpected(std::move(error));
  }
  return ArchiveStore(directory, std::move(fd));
}

// A link is not followed, and what stands at the name is held while it is looked at.
Result<StoredArchive> ArchiveStore::describe(const std::string& name) const {
  UniqueFd fd(openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat about {};
  if (!fd || fstat(fd.get(), &about) != 0) return fail_errno(name, errno);
  if (!S_ISREG(about.st_mode)) return fail(ErrorCode::kMalformed, name, "not a file");
  auto archive = open_archive(fmt::format("/proc/self/fd/{}", fd.get()));
  if (!archive) return fail(archive.error().code, name, archive.error().detail, archive.error().sys_errno);
  if (!is_folder_name(archive->folder)) return fail(ErrorCode::kMalformed, name, "not an archive of a run of ours");
  StoredArchive stored;
  stored.name = name;
  stored.bytes = static_cast<uint64_t>(about.st_size);
  stored.stored_wall_ns = ns_of(about.st_mtim);
  stored.started_wall_ns = archive->run.started_wall_ns != 0 ? archive->run.started_wall_ns : stored.stored_wall_ns;
  stored.pid = archive->target.pid;
  stored.comm = printable_line(archive->target.comm, 64);
  stored.exe = printable_line(archive->target.exe, 400);
  stored.host = printable_line(archive->host_name, 120);
  if (auto unit = archive->run.options.find("unit"); unit != archive->run.options.end())
    stored.unit = printable_line(unit->second, 200);
  stored.complete = archive->complete;
  take_summary(*archive, stored);
  return stored;
}

Result<std::vector<StoredArchive>> ArchiveStore::list() {
  auto known = remembered();
  std::vector<StoredArchive> all;
  bool fresh = false;
  UniqueFd directory(openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return fail_errno(directory_, errno);
  int problem = each_directory_entry(directory.get(), [&](std::string_view entry) {
    std::string name(entry);
    struct stat about {};
    if (!is_archive_name(name) || fstatat(fd_.get(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) return true;
    auto same = std::find_if(known.begin(), known.end(), [&](const StoredArchive& one) {
      return one.name == name && one.bytes == static_cast<uint64_t>(about.st_size) &&
             one.stored_wall_ns == ns_of(about.st_mtim);
    });
    if (S_ISREG(about.st_mode) && same != known.end()) {
      all.push_back(*same);
    } else if (auto stored = describe(name)) {
      all.push_back(std::move(*stored));
      fresh = true;
    }
    return all.size() < kMostEntries;
  });
  if (problem != 0) return fail_errno(directory_, problem);
  std::sort(all.begin(), all.end(), [](const StoredArchive& a, const StoredArchive& b) {
    return a.started_wall_ns != b.started_wall_ns ? a.started_wall_ns > b.started_wall_ns : a.name > b.name;
  });
  if (fresh || known.size() != all.size()) remember(all);
  return all;
}

Result<StoredArchive> ArchiveStore::find(const std::string& name) {
  std::vector<std::string> names{name};
  for (ArchiveFormat format : kFormats) names.push_back(name + std::string(extension(format)));
  if (std::none_of(names.begin(), names.end(), is_archive_name))
    return fail(ErrorCode::kUsage, printable_line(name), "not the name of an archive (store list shows them)");
  for (const std::string& candidate : names) {
    if (!is_archive_name(candidate)) continue;
    auto stored = describe(candidate);
    if (stored || stored.error().sys_errno != ENOENT) return stored;
  }
  return fail(ErrorCode::kNotFound, name, "the store has no such archive");
}

Result<std::string> ArchiveStore::put(const std::string& file) {
  UniqueFd from(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about {};
  if (!from || fstat(from.get(), &about) != 0) return fail_errno(file, errno);
  if (!S_ISREG(about.st_mode)) return fail(ErrorCode::kMalformed, file, "not a file");
  auto archive = open_archive(fmt::format("/proc/self/fd/{}", from.get()));
  if (!archive) return fail(archive.error().code, file, archive.error().detail, archive.error().sys_errno);
  std::string name = file.substr(file.rfind('/') + 1);  // npos + 1 == 0
  std::string_view ending = extension(archive->format);
  std::string stem =
      is_archive_name(name) && name.ends_with(ending) ? name.substr(0, name.size() - ending.size()) : archive->folder;
  if (!is_archive_name(stem + std::string(ending)))
    return fail(ErrorCode::kUsage, file, "not an archive of a run of ours: its folder has another name");
  auto to = OutputFile::create(directory_ + "/", stem, ending);
  if (!to) return tl::unexpected(to.error());
  auto copied = copy_whole(from.get(), file, **to);
  if (!copied) return tl::unexpected(copied.error());
  return copied->substr(copied->rfind('/') + 1);
}

Result<std::string> ArchiveStore::copy_out(const StoredArchive& archive, const std::string& output,
                                           int stdout_fd) const {
  constexpr int kPatienceMs = 60'000;
  UniqueFd from(openat(fd_.get(), archive.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!from) return fail_errno(archive.name, errno);
  std::string_view ending = ending_of(archive.name);
  auto to = output == "-"
                ? OutputFile::stream(stdout_fd, kPatienceMs)
                : OutputFile::create(output, archive.name.substr(0, archive.name.size() - ending.size()), ending);
  if (!to) return tl::unexpected(to.error());
  return copy_whole(from.get(), archive.name, **to);
}

Result<void> ArchiveStore::remove(const std::string& name) {
  auto stored = find(name);
  if (!stored) return tl::unexpected(stored.error());
  return unlink_archive(*stored);
}

// It was read from the list, which may be of an earlier time: it must still be an archive, the same one.
Result<void> ArchiveStore::unlink_archive(const StoredArchive& archive) const {
  auto now = describe(archive.name);
  if (!now) return tl::unexpected(now.error());
  if (now->bytes != archive.bytes || now->stored_wall_ns != archive.stored_wall_ns)
    return fail(ErrorCode::kGone, archive.name, "another file stands there now");
  if (unlinkat(fd_.get(), archive.name.c_str(), 0) != 0) return fail_errno(archive.name, errno);
  return {};
}

Result<Removed> ArchiveStore::collect_garbage(const Retention& retention, int64_t now_wall_ns, bool dry_run) {
  UniqueFd lock(
      openat(fd_.get(), std::string(kLock).c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  if (!lock) return fail_errno(directory_ + "/" + std::string(kLock), errno);
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return fail(ErrorCode::kSkipped, directory_, "another collection is at work");
    return fail_errno(directory_ + "/" + std::string(kLock), errno);
  }
  auto all = list();
  if (!all) return tl::unexpected(all.error());
  Removed removed;
  uint64_t count = 0, bytes = 0;
  for (const StoredArchive& archive : *all) {
    bool unfinished = archive.name.ends_with(kPartial);
    // One that is being written has a time of now.
    int64_t since = unfinished ? archive.stored_wall_ns : archive.started_wall_ns;
    bool old = retention.age_seconds > 0 && since < now_wall_ns - retention.age_seconds * 1'000'000'000;
    bool too_many = !unfinished && retention.count > 0 && count >= retention.count;
    bool too_large = !unfinished && retention.bytes > 0 && bytes + archive.bytes > retention.bytes;
    if (!old && !too_many && !too_large) {
      ++count;
      bytes += archive.bytes;
      continue;
    }
    auto done = dry_run ? Result<void>{} : unlink_archive(archive);
    if (done)
      removed.archives.push_back(archive);
    else if (done.error().sys_errno != ENOENT)
      removed.problems.push_back(done.error());
  }
  return removed;
}

std::vector<StoredArchive> ArchiveStore::remembered() const { return read_store_index(fd_.get()); }
void ArchiveStore::remember(const std::vector<StoredArchive>& archives) const {
  write_store_index(fd_.get(), archives);
}

}  // namespace ec
