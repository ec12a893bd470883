#include "collector/collectors/kernel_log.h"

#include <fcntl.h>
#include <sys/klog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>

#include "collector/base/text.h"
#include "collector/base/unique_fd.h"
#include "collector/collectors/host_constants.h"
#include "collector/proc/kmsg.h"
#include "collector/proc/oom_kill.h"
#include "collector/proc/pid_cgroup.h"

namespace ec {

namespace {

constexpr std::string_view kFile = "kmsg.txt";   // below raw/; read again when the target dies
constexpr size_t kNewestBytes = 256 * 1024;
constexpr size_t kLinesKept = 2000;            // in the snapshot
constexpr int kReadAll = 3, kSizeBuffer = 10;  // syslog(2): SYSLOG_ACTION_READ_ALL, SYSLOG_ACTION_SIZE_BUFFER

struct KernelLog {
  std::string text;
  std::string source;
  std::string partial;  // why the newest are not there; "" = they are
};

// One record a read, from the oldest on; EPIPE: records were overwritten while we read, go on with the oldest left.
Result<KernelLog> read_kmsg(const Deadline& deadline) {
  UniqueFd fd(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail_errno("/dev/kmsg", errno);
  KernelLog log{{}, "/dev/kmsg", {}};
  std::string record(8192, '\0');
  std::deque<size_t> lengths;  // of the records in log.text, which is cut at the front now and then
  size_t dropped = 0;
  auto cut = [&] {
    size_t bytes = 0;
    while (log.text.size() - bytes > kNewestBytes && !lengths.empty()) {
      bytes += lengths.front();
      lengths.pop_front();
    }
    log.text.erase(0, bytes);
    dropped += bytes;
  };
  for (uint64_t count = 0;; ++count) {
    if ((count & 255) == 255 && deadline.passed()) {
      log.partial = "the time budget ended before the newest record";
      break;
    }
    ssize_t got = read(fd.get(), record.data(), record.size());
    if (got < 0 && (errno == EPIPE || errno == EINTR)) continue;
    if (got < 0 && errno != EAGAIN && log.text.empty()) return fail_errno("/dev/kmsg", errno);
    if (got <= 0) break;
    log.text.append(record.data(), static_cast<size_t>(got));
    lengths.push_back(static_cast<size_t>(got));
    if (log.text.size() > 2 * kNewestBytes) cut();
  }
  cut();
  if (dropped > 0) log.source += fmt::format(", older {} left out", human_bytes(static_cast<double>(dropped)));
  return log;
}

Result<KernelLog> read_syslog() {
  int size = klogctl(kSizeBuffer, nullptr, 0);
  if (size < 0) return fail_errno("syslog(2)", errno);
  KernelLog log{{}, "syslog(2), SYSLOG_ACTION_READ_ALL", {}};
  // With a smaller buffer the kernel gives the newest messages.
  log.text.resize(std::min<size_t>(static_cast<size_t>(size), kNewestBytes));
  int got = klogctl(kReadAll, log.text.data(), static_cast<int>(log.text.size()));
  if (got < 0) return fail_errno("syslog(2)", errno);
  if (static_cast<size_t>(size) > kNewestBytes) log.source += ", the newest of it";
  log.text.resize(static_cast<size_t>(got));
  return log;
}

// Path of the target's memory cgroup, as its /proc/PID/cgroup tells it; "" when unknown.
std::string memory_cgroup_of(const RawStore& store, int pid) {
  std::string artifact = fmt::format("raw/proc/{}/cgroup", pid);
  auto text = store.read(artifact);
  if (!text) return {};
  auto entries = parse_pid_cgroup(artifact, *text);
  if (!entries) return {};
  std::string unified;
  for (const CgroupEntry& entry : *entries) {
    if (std::find(entry.controllers.begin(), entry.controllers.end(), "memory") != entry.controllers.end())
      return entry.path;
    if (entry.hierarchy == 0) unified = entry.path;
  }
  return unified;
}

bool inside(std::string_view path, std::string_view ancestor) {
  if (ancestor.empty() || ancestor == "/") return false;
  return path == ancestor || (path.starts_with(ancestor) && path[ancestor.size()] == '/');
}

// The victim was in the target's cgroup or below it, or the limit that was hit is one that the target lives under too.
bool concerns(const OomVictim& victim, std::string_view target_cgroup) {
  if (target_cgroup.empty()) return false;
  return victim.task_cgroup == target_cgroup || inside(victim.task_cgroup, target_cgroup) ||
         (victim.memory_cgroup && inside(target_cgroup, victim.limit_cgroup));
}

}  // namespace

void gather_kernel_log(GatherContext& context) {
  const std::string artifact = raw_path(context.reading, kFile);
  context.out.touch("/dev/kmsg");
  auto log = read_kmsg(context.deadline);
  if (!log) {
    Error why = log.error();
    log = read_syslog();
    if (!log) {
      Error error = why.code == ErrorCode::kDenied ? why : log.error();
      context.out.failed(artifact, "/dev/kmsg", error, fix_for(error, "/dev/kmsg"));
      return;
    }
  }
  if (log->partial.empty())
    context.out.artifact(artifact, log->source, log->text, Redact::kText);
  else
    context.out.partial(artifact, log->source, log->text, log->partial, Redact::kText);
}

void parse_kernel_log(const RawStore& store, Snapshot& snapshot) {
  Host& host = snapshot.host;
  auto text = store.read(raw_path(latest_reading(store, kFile), kFile));
  if (!text) {
    host.kernel_log = text.error();
    host.oom_kills = text.error();
    return;
  }
  std::vector<KmsgRecord> records = parse_kmsg(*text);
  double now = static_cast<double>(host_constants(store).monotonic_ns) / 1e9;
  auto age = [&](double seconds) { return now > seconds ? now - seconds : 0; };

  std::vector<OomKill> kills;
  std::string target_cgroup = snapshot.target.pid > 0 ? memory_cgroup_of(store, snapshot.target.pid) : std::string();
  for (OomVictim& victim : find_oom_kills(records))
    kills.push_back({victim.pid, victim.comm, victim.task_cgroup, age(victim.seconds), victim.anon_rss_bytes,
                     concerns(victim, target_cgroup), std::move(victim.line)});
  std::reverse(kills.begin(), kills.end());

  std::vector<KernelLogLine> lines;
  size_t skip = records.size() > kLinesKept ? records.size() - kLinesKept : 0;
  for (auto record = records.begin() + static_cast<ptrdiff_t>(skip); record != records.end(); ++record)
    lines.push_back({record->level, record->seconds, age(record->seconds), std::move(record->text)});
  host.kernel_log = std::move(lines);
  host.oom_kills = std::move(kills);
}

}  // namespace ec
