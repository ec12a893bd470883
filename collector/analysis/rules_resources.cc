#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/file_classes.h"
#include "collector/analysis/rules.h"
#include "collector/base/text.h"

namespace ec::rules {

namespace {

constexpr FullnessScale kScale{0.98, 0.90, 0.80};

// What most of the open files are, for the sentence: "961 of them TCP connections in CLOSE_WAIT".
std::string largest_class(const OpenFiles& files) {
  auto classes = file_classes(files);
  if (classes.empty() || files.count == 0) return "";
  auto& largest = classes.front();
  if (ratio(largest.count, files.count) < 0.3) return "";
  return fmt::format("{} of them {}", largest.count, largest.words);
}

void target_descriptors(const Snapshot& snapshot, Findings& findings) {
  auto limit = soft_limit(snapshot, "Max open files");
  if (!snapshot.files || !limit || *limit == 0) return;
  uint64_t open = snapshot.files->count;
  auto severity = severity_of_fullness(ratio(open, *limit), kScale);
  if (!severity) return;
  Finding finding{"fd-exhaustion", *severity, fmt::format("Open files: {}", share_of(open, *limit)), "", {}};
  std::string most = largest_class(*snapshot.files);
  finding.detail = fmt::format("{} is {} of file descriptors: {} of {} are open{}{}.", target_name(snapshot),
                               *severity == Severity::kCritical ? "out" : "running out", open, *limit,
                               most.empty() ? "" : ", ", most);
  finding.detail += " When none is left, accept, open, socket and pipe fail with EMFILE (\"Too many open files\").";
  finding.evidence.push_back(limit_evidence(snapshot, "Max open files"));
  finding.evidence.push_back({"process/fds.json", "key count", fmt::format("\"count\": {}", open)});
  auto classes = file_classes(*snapshot.files);
  for (size_t i = 0; i < std::min<size_t>(classes.size(), 3); ++i)
    finding.evidence.push_back(
        {"process/open_files.txt", "classes", fmt::format("{:>7}  {}", classes[i].count, classes[i].words)});
  findings.push_back(std::move(finding));
}

void host_files(const Snapshot& snapshot, Findings& findings) {
  auto& host = snapshot.host;
  if (!host.files_open || !host.files_limit || *host.files_limit == 0) return;
  auto severity = severity_of_fullness(ratio(*host.files_open, *host.files_limit), kScale);
  if (!severity) return;
  findings.push_back(
      {"fd-exhaustion",
       *severity,
       fmt::format("Open files of the whole host: {}", share_of(*host.files_open, *host.files_limit)),
       fmt::format("The host has {} of {} files open. At the limit every process without CAP_SYS_ADMIN gets "
                   "ENFILE when it opens anything.",
                   *host.files_open, *host.files_limit),
       {{"raw/proc/sys/fs/file-nr", "fields 1 and 3", fmt::format("{} … {}", *host.files_open, *host.files_limit)}}});
}

// RLIMIT_NPROC counts the threads of the real user on the whole host; root is not held to it (getrlimit(2)).
void user_threads(const Snapshot& snapshot, Findings& findings) {
  auto limit = soft_limit(snapshot, "Max processes");
  auto& process = snapshot.process;
  if (!limit || *limit == 0 || !process.status || process.status->uid == 0 || !snapshot.host.processes) return;
  if (!process.credential || process.credential->user.empty()) return;
  uint64_t threads = 0;
  for (auto& other : *snapshot.host.processes)
    if (other.user == process.credential->user) threads += other.threads;
  auto severity = severity_of_fullness(ratio(threads, *limit), kScale);
  if (!severity) return;
  std::string user = in_sentence(process.credential->user, 40);
  findings.push_back(
      {"thread-exhaustion",
       *severity,
       fmt::format("Threads of user {}: {}", user, share_of(threads, *limit)),
       fmt::format("User {} has {} threads of the {} that its limit \"Max processes\" allows; {} has {} of them. "
                   "At the limit pthread_create and fork fail with EAGAIN.",
                   user, threads, *limit, target_name(snapshot), process.status->threads),
       {limit_evidence(snapshot, "Max processes"),
        {raw_process(snapshot, "status"), "line \"Threads\"", fmt::format("Threads:\t{}", process.status->threads)}}});
}

void host_threads(const Snapshot& snapshot, Findings& findings) {
  auto& host = snapshot.host;
  if (!host.pids_used || !host.threads_limit || *host.threads_limit == 0) return;
  auto severity = severity_of_fullness(ratio(*host.pids_used, *host.threads_limit), kScale);
  if (!severity) return;
  findings.push_back(
      {"thread-exhaustion",
       *severity,
       fmt::format("Threads of the whole host: {}", share_of(*host.pids_used, *host.threads_limit)),
       fmt::format("The host runs {} threads of the {} that kernel.threads-max allows. At the limit no process "
                   "can start a thread or a child.",
                   *host.pids_used, *host.threads_limit),
       {{"raw/proc/sys/kernel/threads-max", "line 1", std::to_string(*host.threads_limit)}}});
}

// A thread needs two mappings (stack and guard): with many threads vm.max_map_count is met first (mmap(2), ENOMEM).
void mappings(const Snapshot& snapshot, Findings& findings) {
  auto& process = snapshot.process;
  if (!process.mappings || !snapshot.host.sysctls) return;
  auto found = snapshot.host.sysctls->find("vm.max_map_count");
  if (found == snapshot.host.sysctls->end()) return;
  auto limit = parse_number<uint64_t>(trim(found->second));
  uint64_t count = process.mappings->size();
  if (!limit || *limit == 0) return;
  auto severity = severity_of_fullness(ratio(count, *limit), {0.98, 0.95, 0.90});
  if (!severity) return;
  findings.push_back(
      {"thread-exhaustion",
       *severity,
       fmt::format("Memory mappings: {}", share_of(count, *limit)),
       fmt::format("{} has {} memory mappings of the {} that vm.max_map_count allows. At the limit mmap fails "
                   "with ENOMEM: no new thread gets a stack and large allocations fail although memory is free.",
                   target_name(snapshot), count, *limit),
       {{raw_process(snapshot, "maps"), "all lines", fmt::format("{} lines", count)}}});
}

}  // namespace

Findings fd_exhaustion(const Snapshot& snapshot) {
  Findings findings;
  target_descriptors(snapshot, findings);
  host_files(snapshot, findings);
  return findings;
}

Findings thread_exhaustion(const Snapshot& snapshot) {
  Findings findings;
  user_threads(snapshot, findings);
  host_threads(snapshot, findings);
  mappings(snapshot, findings);
  return findings;
}

Findings pid_exhaustion(const Snapshot& snapshot) {
  Findings findings;
  if (snapshot.process.cgroup) {
    auto& cgroup = *snapshot.process.cgroup;
    if (cgroup.pids_current && cgroup.pids_limit && *cgroup.pids_limit > 0) {
      if (auto severity = severity_of_fullness(ratio(*cgroup.pids_current, *cgroup.pids_limit), kScale)) {
        Finding finding{
            "pid-exhaustion",
            *severity,
            fmt::format("Processes and threads of the cgroup: {}", share_of(*cgroup.pids_current, *cgroup.pids_limit)),
            fmt::format("The cgroup of {} holds {} processes and threads of the {} it may have. At the limit fork and "
                        "pthread_create fail with EAGAIN; nothing is logged by most programs.",
                        target_name(snapshot), *cgroup.pids_current, *cgroup.pids_limit),
            {control_file_evidence(snapshot, {"pids.max"}, std::to_string(*cgroup.pids_limit)),
             control_file_evidence(snapshot, {"pids.current"}, std::to_string(*cgroup.pids_current))}};
        if (cgroup.pids_max_events && *cgroup.pids_max_events > 0)
          finding.evidence.push_back(
              control_file_evidence(snapshot, {"pids.events"}, fmt::format("max {}", *cgroup.pids_max_events)));
        findings.push_back(std::move(finding));
      }
    }
  }
  auto& host = snapshot.host;
  if (host.pids_used && host.pids_limit && *host.pids_limit > 0) {
    if (auto severity = severity_of_fullness(ratio(*host.pids_used, *host.pids_limit), kScale))
      findings.push_back(
          {"pid-exhaustion",
           *severity,
           fmt::format("Process ids of the host: {}", share_of(*host.pids_used, *host.pids_limit)),
           fmt::format("The host uses {} of {} process ids. When none is left nothing can be started, not even "
                       "a shell to repair it.",
                       *host.pids_used, *host.pids_limit),
           {{"raw/proc/sys/kernel/pid_max", "line 1", std::to_string(*host.pids_limit)},
            {"raw/proc/loadavg", "field 4", fmt::format("…/{}", *host.pids_used)}}});
  }
  return findings;
}

}  // namespace ec::rules
