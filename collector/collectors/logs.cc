#include "collector/collectors/logs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "collector/base/text.h"
#include "collector/collectors/descriptors.h"
#include "collector/collectors/host_constants.h"
#include "collector/collectors/journal.h"
#include "collector/collectors/log_choice.h"
#include "collector/collectors/log_digest.h"
#include "collector/proc/fdinfo.h"

namespace ec {

namespace {

constexpr std::string_view kBundle = "raw/logs.bundle";
constexpr size_t kMostLogs = 8;
constexpr uint64_t kMostBytes = 1u << 20;
constexpr uint64_t kMostInfos = 4000;
constexpr uint64_t kMostDescriptors = 200'000;
constexpr uint64_t kCurrentSeconds = 900;  // a log that was written to within this time before the run tells of now

struct OpenLog {
  int fd = -1;
  int likelihood = 0;
  std::string path;
  bool deleted = false;
  struct stat file {};
};

// Looks at the descriptor only as far as it may be a log: link, whether it is written to, then fdinfo, then stat on a
// local filesystem.
std::optional<OpenLog> candidate(Descriptors& descriptors, const LocalMounts& mounts, int fd, std::string_view text,
                                 uint64_t& infos) {
  FdLink link = parse_fd_link(text);
  if (link.kind != "path" || log_likelihood(link.target, fd, true) == 0 || infos >= kMostInfos) return std::nullopt;
  if (!descriptors.writable(fd)) return std::nullopt;
  OpenLog found{fd, 0, std::string(link.target), link.deleted, {}};
  ++infos;
  auto info_text = descriptors.info(fd);
  if (!info_text) return std::nullopt;
  auto info = parse_fdinfo("fdinfo", *info_text);
  if (!info || !info->mount_id || !mounts.local(*info->mount_id)) return std::nullopt;
  std::string_view access = access_word(info->flags);
  if (access != "w" && access != "rw") return std::nullopt;
  found.likelihood = log_likelihood(found.path, fd, (info->flags & O_APPEND) != 0);
  if (found.likelihood == 0) return std::nullopt;
  auto file = descriptors.stat(fd);
  if (!file || !S_ISREG(file->st_mode) || file->st_size == 0) return std::nullopt;
  found.file = *file;
  return found;
}

std::vector<OpenLog> candidates(Descriptors& descriptors, const LocalMounts& mounts, FdLinks* shared,
                                Deadline deadline) {
  std::vector<OpenLog> found;
  std::set<std::pair<dev_t, ino_t>> seen;
  uint64_t infos = 0, count = 0;
  (void)descriptors.each_link(shared, [&](int fd, std::string_view text) {
    if (auto one = candidate(descriptors, mounts, fd, text, infos))
      if (seen.emplace(one->file.st_dev, one->file.st_ino).second) found.push_back(std::move(*one));
    return ++count < kMostDescriptors && !(count % 256 == 0 && deadline.passed());
  });
  std::stable_sort(found.begin(), found.end(), [](const OpenLog& a, const OpenLog& b) {
    if (a.likelihood != b.likelihood) return a.likelihood > b.likelihood;
    return a.file.st_mtime > b.file.st_mtime;
  });
  return found;
}

// Opened anew through the link in /proc, which works for deleted files too. O_NOATIME where we may, so that reading
// leaves no trace; never blocks on a pipe or terminal that took the place of the file.
Result<std::string> read_tail(const std::string& link, const OpenLog& log, uint64_t limit) {
  constexpr int kFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  UniqueFd fd(open(link.c_str(), kFlags | O_NOATIME));
  if (!fd && errno == EPERM) fd.reset(open(link.c_str(), kFlags));
  if (!fd) return fail_errno(link, errno);
  struct stat file {};
  if (fstat(fd.get(), &file) != 0) return fail_errno(link, errno);
  if (!S_ISREG(file.st_mode) || file.st_ino != log.file.st_ino || file.st_dev != log.file.st_dev)
    return fail(ErrorCode::kGone, link, "the descriptor was closed or reused meanwhile");
  auto size = static_cast<uint64_t>(file.st_size), wanted = std::min(size, limit);
  std::string tail(wanted, '\0');
  size_t filled = 0;
  while (filled < wanted) {
    ssize_t got = pread(fd.get(), tail.data() + filled, wanted - filled, static_cast<off_t>(size - wanted + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(link, errno);
    if (got == 0) break;  // truncated meanwhile
    filled += static_cast<size_t>(got);
  }
  tail.resize(filled);
  return tail;
}

// True when something was stored.
bool gather_tail(const OpenLog& log, const std::string& folder, uint64_t limit, uint64_t& stored, Sink& out) {
  std::string link = fmt::format("{}/{}", folder, log.fd), artifact = log_artifact(log.path, log.fd);
  std::string source = printable_line(log.path + (log.deleted ? " (deleted)" : ""), 300);
  if (out.hung_before(link)) return false;
  out.touch(link, true);
  auto tail = read_tail(link, log, limit);
  if (!tail) {
    out.failed(artifact, source, tail.error(), fix_for(tail.error(), link));
    return false;
  }
  auto size = static_cast<uint64_t>(log.file.st_size);
  std::string_view lines = from_line_start(*tail, size > tail->size());
  if (!looks_like_log(lines)) return false;
  out.section(
      kBundle, artifact,
      fmt::format("fd {}\nsize {}\ntail {}\ndeleted {}\nmodified {}\npath {}\n", log.fd, size, lines.size(),
                  log.deleted ? 1 : 0, std::max<int64_t>(log.file.st_mtime, 0), printable_line(log.path, 4096)));
  out.artifact(artifact, source, lines, Redact::kText);
  stored += lines.size();
  return true;
}

struct StoredTail : LogTail {
  uint64_t modified = 0;  // seconds since 1970; 0: not known
};

std::optional<StoredTail> parse_tail(const Section& section) {
  StoredTail tail;
  tail.artifact = section.name;
  LineCursor lines(section.name, section.bytes);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto name = fields.word();
    if (!name) return std::nullopt;
    if (*name == "path") {
      tail.path = trim(fields.rest());
      continue;
    }
    auto value = fields.number<uint64_t>();
    if (!value) return std::nullopt;
    if (*name == "fd") tail.fd = static_cast<int>(*value & 0x7fffffff);
    if (*name == "size") tail.size_bytes = *value;
    if (*name == "tail") tail.tail_bytes = *value;
    if (*name == "deleted") tail.deleted = *value != 0;
    if (*name == "modified") tail.modified = *value;
  }
  return tail;
}

}  // namespace

void gather_logs(GatherContext& context) {
  const TargetIdentity& target = *context.target;
  Sink& out = context.out;
  auto descriptors = Descriptors::open(target);
  if (!descriptors) {
    out.failed(kBundle, fmt::format("/proc/{}/fd", target.pid), descriptors.error(),
               fix_for(descriptors.error(), "fd"));
  } else {
    out.touch(descriptors->folder());
    // Even when a file hung an earlier helper: the others are stored again under the same names.
    uint64_t stored = 0, logs = 0, passed_over = 0;
    for (const OpenLog& log : candidates(*descriptors, LocalMounts::of(target), context.fd_links, context.deadline)) {
      uint64_t limit = std::min(context.options.log_tail_bytes, kMostBytes - std::min(stored, kMostBytes));
      if (logs == kMostLogs || limit == 0 || context.deadline.passed())
        ++passed_over;
      else if (gather_tail(log, descriptors->folder(), limit, stored, out))
        ++logs;
    }
    out.section(kBundle, "count", fmt::format("logs {}\npassed_over {}\n", logs, passed_over));
  }
  gather_journal(context);
}

void parse_logs(const RawStore& store, Snapshot& snapshot) {
  Logs logs;
  logs.journal_lines = parse_journal_lines(store);
  auto bundle = store.read(kBundle);
  if (!bundle && !logs.journal_lines) {
    snapshot.logs = bundle.error();
    return;
  }
  LogDigest digest;
  std::set<std::string_view> seen;  // a helper that started again names some twice
  for (const Section& section : store.bundle(kBundle)) {
    if (section.failed || !section.name.starts_with("logs/") || !seen.insert(section.name).second) continue;
    auto tail = parse_tail(section);
    auto text = store.read(section.name);
    if (!tail || !text) continue;
    auto now = static_cast<uint64_t>(std::max<int64_t>(host_constants(store).wall_ns / 1'000'000'000, 0));
    digest.add(tail->artifact, *text, tail->modified == 0 || tail->modified + kCurrentSeconds >= now);
    logs.tails.push_back(std::move(*tail));
  }
  if (auto journal = store.read(kJournalArtifact)) digest.add(kJournalArtifact, *journal);
  if (auto kernel = store.read("raw/kmsg.txt")) digest.add_kernel_log(parse_kmsg(*kernel));
  digest.finish(logs);
  snapshot.logs = std::move(logs);
}

}  // namespace ec
