#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/rules.h"
#include "collector/base/text.h"

namespace ec::rules {

namespace {

// A number of memory.stat, from the control files as they were read; nothing when it is not there. On v1 the number
// with "total_" counts the groups below too, as v2 does.
std::optional<uint64_t> memory_stat(const Cgroup& cgroup, std::string_view key) {
  auto file = cgroup.files.find("memory.stat");
  if (file == cgroup.files.end()) return std::nullopt;
  std::optional<uint64_t> own;
  LineCursor lines("memory.stat", file->second);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto name = fields.word();
    if (!name) continue;
    if (*name == key)
      own = fields.number<uint64_t>();
    else if (name->starts_with("total_") && name->substr(6) == key)
      return fields.number<uint64_t>();
  }
  return own;
}

// current - inactive_file, as the kubelet and docker stats count: the page cache that goes first costs nothing.
void cgroup_memory(const Snapshot& snapshot, Findings& findings) {
  if (!snapshot.process.cgroup) return;
  auto& cgroup = *snapshot.process.cgroup;
  if (!cgroup.memory_limit_bytes || !cgroup.memory_current_bytes || *cgroup.memory_limit_bytes == 0) return;
  uint64_t limit = *cgroup.memory_limit_bytes, current = *cgroup.memory_current_bytes;
  // A limit above the memory of the host holds nobody back.
  if (snapshot.host.memory && snapshot.host.memory->total > 0 && limit > snapshot.host.memory->total) return;
  uint64_t inactive = std::min(cgroup.memory_inactive_file_bytes.value_or(0), current);
  uint64_t working_set = current - inactive;
  auto severity = severity_of_fullness(ratio(working_set, limit), {0.98, 0.95, 0.90});
  if (!severity) return;
  // The active page cache can still be given back, at a price: with much of it the end is not near.
  auto active_file = memory_stat(cgroup, "active_file");
  bool cache = active_file && ratio(working_set - std::min(*active_file, working_set), limit) < 0.85;
  if (cache) severity = Severity::kLow;
  Finding finding{"memory-limit-near",
                  *severity,
                  fmt::format("Memory of the cgroup: {}", share_of_bytes(working_set, limit)),
                  "",
                  {}};
  finding.detail = fmt::format(
      "The cgroup of {} uses {} of its memory limit of {} (page cache that is easily given back not "
      "counted).",
      target_name(snapshot), human_bytes(static_cast<double>(working_set)), human_bytes(static_cast<double>(limit)));
  finding.detail += cache ? " Much of it is page cache in use: expect more reading from disk before an OOM kill."
                          : " At the limit the kernel kills a process of the cgroup, most likely this one.";
  if (cgroup.memory_max_events && *cgroup.memory_max_events > 0)
    finding.detail +=
        fmt::format(" The limit was met {} since the cgroup exists.", counted(*cgroup.memory_max_events, "time"));
  finding.evidence.push_back(
      control_file_evidence(snapshot, {"memory.max", "memory.limit_in_bytes"}, std::to_string(limit)));
  finding.evidence.push_back(
      control_file_evidence(snapshot, {"memory.current", "memory.usage_in_bytes"}, std::to_string(current)));
  if (cgroup.memory_inactive_file_bytes)
    finding.evidence.push_back(
        control_file_evidence(snapshot, {"memory.stat"}, fmt::format("inactive_file {}", inactive)));
  findings.push_back(std::move(finding));
}

void host_memory(const Snapshot& snapshot, Findings& findings) {
  if (!snapshot.host.memory || snapshot.host.memory->total == 0) return;
  auto& memory = *snapshot.host.memory;
  double share = ratio(memory.available, memory.total);
  double pressure = some_avg10(snapshot.host.memory_pressure);
  std::optional<Severity> severity;
  // A few percent of a large host are gigabytes: the share alone is not enough.
  constexpr uint64_t kGiB = uint64_t{1} << 30;
  if (share <= 0.03 && (memory.available < kGiB / 2 || pressure >= 10))
    severity = Severity::kCritical;
  else if (share <= 0.05 && (memory.available < kGiB || pressure >= 5))
    severity = Severity::kHigh;
  else if (share <= 0.10 && memory.available < 2 * kGiB)
    severity = Severity::kMedium;
  if (!severity) return;
  Finding finding{
      "memory-limit-near",
      *severity,
      fmt::format("Memory of the host: {} of {} available ({:.0f} %)",
                  human_bytes(static_cast<double>(memory.available)), human_bytes(static_cast<double>(memory.total)),
                  100 * share),
      fmt::format("The host has {} of {} memory left. When it is used up the kernel kills the process with the highest "
                  "score, anywhere on the host.",
                  human_bytes(static_cast<double>(memory.available)), human_bytes(static_cast<double>(memory.total))),
      {{"raw/proc/meminfo", "key MemAvailable", fmt::format("MemAvailable: {} kB", memory.available / 1024)},
       {"raw/proc/meminfo", "key MemTotal", fmt::format("MemTotal: {} kB", memory.total / 1024)}}};
  if (snapshot.process.oom_score)
    finding.evidence.push_back(
        {raw_process(snapshot, "oom_score"), "line 1", std::to_string(*snapshot.process.oom_score)});
  if (snapshot.host.memory_pressure && snapshot.host.memory_pressure->some)
    finding.evidence.push_back(
        pressure_evidence("raw/proc/pressure/memory", "some", *snapshot.host.memory_pressure->some));
  findings.push_back(std::move(finding));
}

// RLIMIT_AS: mmap and brk fail with ENOMEM, nobody is killed.
void address_space(const Snapshot& snapshot, Findings& findings) {
  auto limit = soft_limit(snapshot, "Max address space");
  if (!limit || *limit == 0 || !snapshot.process.status) return;
  uint64_t size = snapshot.process.status->vm_size_bytes;
  auto severity = severity_of_fullness(ratio(size, *limit), {0.99, 0.95, 0.90});
  if (!severity) return;
  findings.push_back(
      {"memory-limit-near",
       *severity,
       fmt::format("Address space: {}", share_of_bytes(size, *limit)),
       fmt::format("{} has used {} of the {} of address space that its limit allows. At the limit malloc and mmap "
                   "fail, with memory still free on the host.",
                   target_name(snapshot), human_bytes(static_cast<double>(size)),
                   human_bytes(static_cast<double>(*limit))),
       {limit_evidence(snapshot, "Max address space"),
        {raw_process(snapshot, "status"), "line \"VmSize\"", fmt::format("VmSize:\t{} kB", size / 1024)}}});
}

}  // namespace

Findings memory_limit_near(const Snapshot& snapshot) {
  Findings findings;
  cgroup_memory(snapshot, findings);
  host_memory(snapshot, findings);
  address_space(snapshot, findings);
  return findings;
}

namespace {

constexpr double kMinute = 60, kHour = 3600, kDay = 86400;

Severity severity_of_kill(const OomKill& kill, const Snapshot& snapshot) {
  bool ours = kill.of_target_cgroup || (snapshot.target.pid != 0 && kill.pid == snapshot.target.pid);
  if (ours && (kill.age_seconds <= 10 * kMinute || snapshot.target.death)) return Severity::kCritical;
  if (ours) return kill.age_seconds <= kHour ? Severity::kHigh : Severity::kMedium;
  // Another cgroup reached its own limit: the host was not short of memory.
  if (kill.line.starts_with("Memory cgroup out of memory")) return Severity::kLow;
  if (kill.age_seconds <= 10 * kMinute) return Severity::kHigh;
  return kill.age_seconds <= kHour ? Severity::kMedium : Severity::kLow;
}

Finding oom_finding(const Snapshot& snapshot, const std::vector<const OomKill*>& kills) {
  // The worst one leads; the list is newest first.
  const OomKill* worst = kills.front();
  for (auto* kill : kills)
    if (severity_of_kill(*kill, snapshot) < severity_of_kill(*worst, snapshot)) worst = kill;
  std::string where = worst->of_target_cgroup ? fmt::format(" in the cgroup of {}", target_name(snapshot)) : "";
  Finding finding{"oom-kill-recent",
                  severity_of_kill(*worst, snapshot),
                  fmt::format("OOM kill of {} (pid {}) {} ago", in_sentence(worst->comm, 32), worst->pid,
                              human_duration(worst->age_seconds)),
                  "",
                  {}};
  finding.detail =
      fmt::format("The kernel killed {} (pid {}) for want of memory {} ago{}; it held {} of anonymous memory.",
                  in_sentence(worst->comm, 32), worst->pid, human_duration(worst->age_seconds), where,
                  human_bytes(static_cast<double>(worst->anon_rss_bytes)));
  if (kills.size() > 1)
    finding.detail += fmt::format(" The kernel log shows {} OOM kills of the last day.", kills.size());
  for (size_t i = 0; i < std::min<size_t>(kills.size(), 3); ++i)
    finding.evidence.push_back(
        {kernel_log_artifact(snapshot), fmt::format("pid {}", kills[i]->pid), printable_line(kills[i]->line, 300)});
  return finding;
}

}  // namespace

Findings oom_kill_recent(const Snapshot& snapshot) {
  Findings findings;
  std::vector<const OomKill*> recent;
  if (snapshot.host.oom_kills)
    for (auto& kill : *snapshot.host.oom_kills)
      if (kill.age_seconds <= kDay) recent.push_back(&kill);
  if (!recent.empty()) findings.push_back(oom_finding(snapshot, recent));
  auto& cgroup = snapshot.process.cgroup;
  if (cgroup && cgroup->oom_kills_between.value_or(0) > 0)
    findings.push_back({"oom-kill-recent",
                        Severity::kCritical,
                        fmt::format("{} in the cgroup of the process during the collection",
                                    counted(*cgroup->oom_kills_between, "OOM kill")),
                        fmt::format("The kernel killed {} of the cgroup of {} for want of memory while we looked.",
                                    counted(*cgroup->oom_kills_between, "process", "processes"), target_name(snapshot)),
                        {control_file_evidence(snapshot, {"memory.events", "memory.oom_control"},
                                               fmt::format("oom_kill +{}", *cgroup->oom_kills_between))}});
  bool cgroup_seen = std::any_of(recent.begin(), recent.end(), [](auto* kill) { return kill->of_target_cgroup; });
  if (!cgroup_seen && cgroup && cgroup->oom_kills_between.value_or(0) == 0 && cgroup->oom_kills &&
      *cgroup->oom_kills > 0)
    findings.push_back(
        {"oom-kill-recent",
         Severity::kMedium,
         fmt::format("{} in the cgroup of the process", counted(*cgroup->oom_kills, "OOM kill")),
         fmt::format("{} of the cgroup of {} {} killed for want of memory since the cgroup exists; when, the kernel "
                     "log does not tell (any more).",
                     counted(*cgroup->oom_kills, "process", "processes"), target_name(snapshot),
                     *cgroup->oom_kills == 1 ? "was" : "were"),
         {control_file_evidence(snapshot, {"memory.events", "memory.oom_control"},
                                fmt::format("oom_kill {}", *cgroup->oom_kills))}});
  if (findings.empty() && snapshot.host.vm && snapshot.host.vm->oom_kills > 0)
    findings.push_back(
        {"oom-kill-recent",
         Severity::kCritical,
         fmt::format("{} on this host during the collection", counted(snapshot.host.vm->oom_kills, "OOM kill")),
         fmt::format("The kernel killed {} for want of memory while we looked.",
                     counted(snapshot.host.vm->oom_kills, "process", "processes")),
         {{"raw/second/proc/vmstat", "key oom_kill", fmt::format("+{}", snapshot.host.vm->oom_kills)}}});
  return findings;
}

// Swapping out alone is the kernel making room. Both ways at once, felt as pressure or as major faults, is thrashing.
Findings swap_thrash(const Snapshot& snapshot) {
  if (!snapshot.host.vm) return {};
  auto& vm = *snapshot.host.vm;
  constexpr double kPages = 250;  // 1 MiB/s of 4 KiB pages
  if (vm.swap_in < kPages) return {};
  double some = some_avg10(snapshot.host.memory_pressure), full = full_avg10(snapshot.host.memory_pressure);
  bool both_ways = vm.swap_out >= kPages;
  bool felt = some >= 10 || (!snapshot.host.memory_pressure && both_ways && vm.major_faults >= 100);
  if (!felt) return {};
  Severity severity = full >= 40                                ? Severity::kCritical
                      : full >= 10 || (both_ways && some >= 30) ? Severity::kHigh
                                                                : Severity::kMedium;
  Finding finding{
      "swap-thrash",
      severity,
      fmt::format("Swapping: {:.0f} pages/s in, {:.0f} pages/s out", vm.swap_in, vm.swap_out),
      fmt::format(
          "The host swaps {:.0f} pages a second in and {:.0f} out: programs wait for memory {:.0f} % of the time.",
          vm.swap_in, vm.swap_out, some),
      {{"raw/second/proc/vmstat", "keys pswpin, pswpout",
        fmt::format("{:.0f}/s in, {:.0f}/s out", vm.swap_in, vm.swap_out)}}};
  if (snapshot.process.status && snapshot.process.status->swap_bytes > 0) {
    finding.detail +=
        fmt::format(" {} of {} are in swap.", human_bytes(static_cast<double>(snapshot.process.status->swap_bytes)),
                    target_name(snapshot));
    finding.evidence.push_back({raw_process(snapshot, "status"), "line \"VmSwap\"",
                                fmt::format("VmSwap:\t{} kB", snapshot.process.status->swap_bytes / 1024)});
  }
  if (snapshot.host.memory_pressure && snapshot.host.memory_pressure->some)
    finding.evidence.push_back(
        pressure_evidence("raw/proc/pressure/memory", "some", *snapshot.host.memory_pressure->some));
  return {finding};
}

}  // namespace ec::rules
