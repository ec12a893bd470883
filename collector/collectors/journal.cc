#include "collector/collectors/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "collector/archive/unpack_start.h"
#include "collector/base/text.h"
#include "collector/base/unique_fd.h"
#include "collector/proc/journal_file.h"
#include "collector/proc/pid_cgroup.h"

namespace ec {

namespace {

constexpr std::string_view kBundle = "raw/logs.bundle";
constexpr size_t kMostEntries = 500;
constexpr size_t kMostFiles = 8;
constexpr size_t kMessageBytes = 4096;
constexpr size_t kArtifactBytes = 512 * 1024;

Result<JournalUnit> unit_of(const TargetIdentity& target) {
  std::string file = fmt::format("/proc/{}/cgroup", target.pid);
  auto text = read_file(file);
  if (!text) return tl::unexpected(text.error());
  auto entries = parse_pid_cgroup(file, *text);
  if (!entries) return tl::unexpected(entries.error());
  for (const CgroupEntry& entry : *entries) {
    JournalUnit unit{unit_from_path(entry.path), {}};
    if (!unit.name.ends_with(".service") && !unit.name.ends_with(".scope")) continue;
    size_t manager = entry.path.find("/user@"), end = entry.path.find(".service/", manager);
    if (manager != std::string::npos && end != std::string::npos)
      unit.user_id = entry.path.substr(manager + 6, end - manager - 6);
    return unit;
  }
  return fail(ErrorCode::kNotFound, file, "not in a unit of systemd");
}

struct JournalPath {
  std::string path;
  int64_t modified = 0;
};

std::vector<std::string> names_in(const std::string& folder, std::optional<Error>& denied) {
  std::vector<std::string> names;
  std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(folder.c_str()), closedir);
  if (!stream && errno == EACCES) denied = sys_error(folder, EACCES);
  while (const dirent* entry = stream ? readdir(stream.get()) : nullptr) names.emplace_back(entry->d_name);
  return names;
}

void add_journals(const std::string& folder, const std::string& prefix, const std::vector<std::string>& names,
                  std::vector<JournalPath>& found) {
  for (const std::string& name : names) {
    bool active = name == prefix + ".journal", archived = name.starts_with(prefix + "@") && name.ends_with(".journal");
    if (!active && !archived) continue;
    JournalPath journal{fmt::format("{}/{}", folder, name), INT64_MAX};
    struct stat file {};
    if (!active && stat(journal.path.c_str(), &file) == 0) journal.modified = file.st_mtime;
    found.push_back(std::move(journal));
  }
}

// Journals of this host in which lines of the unit may be: those being written first, then archived ones, newest first.
std::vector<JournalPath> journals(const JournalUnit& unit, std::optional<Error>& denied) {
  std::vector<JournalPath> found;
  auto machine = read_file("/etc/machine-id", 4096);
  std::string id(machine ? trim(*machine) : std::string_view{});
  if (id.empty() || id.find('/') != std::string::npos) return found;
  for (const std::string root : {"/run/log/journal", "/var/log/journal"}) {
    std::vector<std::string> folders{id};
    std::optional<Error> unused;  // who may not list the root may still enter what is below
    for (std::string& name : names_in(root, unused))
      if (name.starts_with(id + ".")) folders.push_back(std::move(name));  // LogNamespace=
    for (const std::string& name : folders) {
      std::string folder = fmt::format("{}/{}", root, name);
      auto names = names_in(folder, denied);
      size_t before = found.size();
      if (parse_number<uint32_t>(unit.user_id)) add_journals(folder, "user-" + unit.user_id, names, found);
      // Users have files of their own only in the persistent journal, and system users nowhere.
      if (found.size() == before) add_journals(folder, "system", names, found);
    }
  }
  std::stable_sort(found.begin(), found.end(), [](auto& a, auto& b) { return a.modified > b.modified; });
  if (found.size() > kMostFiles) found.resize(kMostFiles);
  return found;
}

Result<std::vector<JournalEntry>> read_journal(const std::string& path, const JournalUnit& unit, size_t limit) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail_errno(path, errno);
  ReadAt read_at = [&](uint64_t offset, void* to, size_t size) {
    if (offset > INT64_MAX - size) return false;
    return pread(fd.get(), to, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
  };
  return newest_entries(path, read_at, unpack_start, unit, limit);
}

// As journalctl -o short-iso, with the priority where it tells something: "2026-11-20T22:05:11.000Z nginx[42]: [err]
// text".
std::string line_of(const JournalEntry& entry) {
  constexpr std::array<std::string_view, 5> kPriorities{"[emerg] ", "[alert] ", "[crit] ", "[err] ", "[warning] "};
  std::string line =
      rfc3339(static_cast<int64_t>(std::min<uint64_t>(entry.realtime_us, INT64_MAX / 1000) * 1000), true);
  line += ' ';
  line += printable_line(entry.identifier, 64);
  if (!entry.pid.empty()) line += fmt::format("[{}]", printable_line(entry.pid, 16));
  line += ": ";
  if (entry.priority >= 0 && entry.priority < static_cast<int>(kPriorities.size()))
    line += kPriorities[static_cast<size_t>(entry.priority)];
  // Later lines of one message are indented: a line that begins with a year is an entry.
  for (char c : printable_utf8(trim(std::string_view(entry.message).substr(0, kMessageBytes)))) {
    line += c;
    if (c == '\n') line += "  ";
  }
  line += '\n';
  return line;
}

}  // namespace

void gather_journal(GatherContext& context) {
  Sink& out = context.out;
  auto unit = unit_of(*context.target);
  if (!unit) {
    // No failure: most processes have none.
    out.section(kBundle, "journal", unit.error().message());
    return;
  }
  std::optional<Error> problem;
  out.touch("/var/log/journal", true);
  if (out.hung_before("/var/log/journal")) return;
  std::vector<JournalEntry> entries;
  bool any_read = false;
  for (const JournalPath& journal : journals(*unit, problem)) {
    if (entries.size() >= kMostEntries || out.hung_before(journal.path)) continue;
    out.touch(journal.path, true);
    auto more = read_journal(journal.path, *unit, kMostEntries - entries.size());
    if (!more) {
      problem = more.error();
      continue;
    }
    any_read = true;
    entries.insert(entries.begin(), std::make_move_iterator(more->begin()), std::make_move_iterator(more->end()));
  }
  std::string source = fmt::format("journal of {}", printable_line(unit->name, 120));
  if (!any_read && problem) {
    out.failed(kJournalArtifact, source, *problem, problem->code == ErrorCode::kDenied ? std::string(kJournalFix) : "");
    return;
  }
  if (!any_read) {
    out.section(kBundle, "journal", "no journal files of this host in /run/log/journal and /var/log/journal");
    return;
  }
  std::stable_sort(entries.begin(), entries.end(), [](auto& a, auto& b) { return a.realtime_us < b.realtime_us; });
  std::string text;
  for (const JournalEntry& entry : entries) text += line_of(entry);
  if (text.size() > kArtifactBytes) text = text.substr(text.find('\n', text.size() - kArtifactBytes) + 1);
  if (problem)
    out.partial(kJournalArtifact, source, text, problem->message(), Redact::kText);
  else
    out.artifact(kJournalArtifact, source, text, Redact::kText);
}

Result<std::string> readable_journal(const TargetIdentity& target) {
  auto unit = unit_of(target);
  if (!unit) return tl::unexpected(unit.error());
  std::optional<Error> refusal;
  for (const JournalPath& journal : journals(*unit, refusal)) {
    UniqueFd fd(open(journal.path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (fd) return unit->name;
    refusal = sys_error(journal.path, errno);
  }
  if (refusal) return tl::unexpected(*refusal);
  return fail(ErrorCode::kNotFound, unit->name, "this host keeps no journal files");
}

Part<uint64_t> parse_journal_lines(const RawStore& store) {
  auto text = store.read(kJournalArtifact);
  if (text) return static_cast<uint64_t>(std::count(text->begin(), text->end(), '\n'));
  for (const Section& section : store.bundle(kBundle))
    if (section.name == "journal" && !section.failed)
      return Error{ErrorCode::kNotFound, "", printable_line(section.bytes), 0};
  return text.error();
}

}  // namespace ec
