#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "collector/analysis/rules.h"
#include "collector/base/text.h"

namespace ec::rules {

namespace {

// Devices that are slow for their users: busy all the time and long waits. A busy device with short waits only works.
std::vector<const DiskRates*> slow_devices(const Snapshot& snapshot) {
  std::vector<const DiskRates*> slow;
  if (snapshot.host.disks)
    for (auto& disk : *snapshot.host.disks)
      if (disk.busy_percent >= 90 && disk.reads + disk.writes > 0 &&
          std::max(disk.read_wait_ms, disk.write_wait_ms) >= 50)
        slow.push_back(&disk);
  return slow;
}

struct StuckTasks {
  std::vector<const BlockedTask*> of_target, others;
};
// In state D at the start and at the end of the run; one that was seen once may only have read a block.
StuckTasks stuck_tasks(const Snapshot& snapshot) {
  StuckTasks stuck;
  if (snapshot.host.blocked)
    for (auto& task : *snapshot.host.blocked)
      if (task.in_both_readings) (task.of_target ? stuck.of_target : stuck.others).push_back(&task);
  return stuck;
}

// Lines of the kernel log, at most ten minutes old, that say that a device or a filesystem failed.
std::vector<const KernelLogLine*> storage_errors(const Snapshot& snapshot) {
  std::vector<const KernelLogLine*> lines;
  if (!snapshot.host.kernel_log) return lines;
  for (auto& line : *snapshot.host.kernel_log) {
    if (line.age_seconds > 600 || line.level > 4) continue;
    std::string_view text = line.text;
    for (std::string_view sign : {"I/O error", "EXT4-fs error", "XFS: metadata I/O", "Remounting filesystem read-only",
                                  "BTRFS error", "blocked for more than", "not responding, still trying",
                                  "not responding, timed out", "critical medium error"})
      if (text.find(sign) != std::string_view::npos) {
        lines.push_back(&line);
        break;
      }
  }
  return lines;
}

std::string task_words(const BlockedTask& task) {
  return fmt::format("{} (tid {}){}{}", in_sentence(task.comm, 32), task.tid,
                     task.wchan.empty() || task.wchan == "0" ? "" : " in ",
                     task.wchan == "0" ? "" : in_sentence(task.wchan, 60));
}

std::optional<Severity> io_severity(double some, double full, size_t slow, const StuckTasks& stuck, size_t errors) {
  if (!stuck.of_target.empty() && full >= 40) return Severity::kCritical;
  if (!stuck.of_target.empty() || full >= 40 || (slow > 0 && full >= 20) || errors > 0) return Severity::kHigh;
  if (full >= 20 || some >= 40 || (slow > 0 && some >= 15) || stuck.others.size() >= 3) return Severity::kMedium;
  if (!stuck.others.empty()) return Severity::kLow;
  return std::nullopt;
}

}  // namespace

Findings io_stall(const Snapshot& snapshot) {
  double some = some_avg10(snapshot.host.io_pressure), full = full_avg10(snapshot.host.io_pressure);
  auto slow = slow_devices(snapshot);
  auto stuck = stuck_tasks(snapshot);
  auto errors = storage_errors(snapshot);
  auto severity = io_severity(some, full, slow.size(), stuck, errors.size());
  if (!severity) return {};
  Finding finding{"io-stall", *severity, "", "", {}};
  std::vector<std::string> words;
  if (!stuck.of_target.empty()) {
    finding.title = fmt::format("{} of the process stuck in state D", counted(stuck.of_target.size(), "thread"));
    finding.detail = fmt::format("{} of {} {} in an uninterruptible wait all the time we looked: {}.",
                                 counted(stuck.of_target.size(), "thread"), target_name(snapshot),
                                 stuck.of_target.size() == 1 ? "was" : "were", task_words(*stuck.of_target.front()));
  } else if (!errors.empty()) {
    finding.title = "The kernel reports storage errors";
    finding.detail = fmt::format("The kernel reports storage trouble, {} ago: {}.",
                                 human_duration(errors.back()->age_seconds), in_sentence(errors.back()->text, 160));
  } else if (some >= 40 || full >= 20 || !slow.empty()) {
    finding.title = fmt::format("Storage pressure: {:.0f} % some, {:.0f} % full (last 10 s)", some, full);
    finding.detail = fmt::format(
        "Work on the host waited for storage {:.0f} % of the last ten seconds; for {:.0f} % of them nothing else could "
        "run.",
        some, full);
  } else {
    finding.title = fmt::format("{} of other processes stuck in state D", counted(stuck.others.size(), "task"));
    finding.detail = fmt::format("{} of other processes {} in an uninterruptible wait all the time we looked: {}.",
                                 counted(stuck.others.size(), "task"), stuck.others.size() == 1 ? "was" : "were",
                                 task_words(*stuck.others.front()));
  }
  for (auto* disk : slow)
    finding.detail +=
        fmt::format(" Device {} was {:.0f} % busy; a read waits {:.0f} ms, a write {:.0f} ms.",
                    in_sentence(disk->device, 32), disk->busy_percent, disk->read_wait_ms, disk->write_wait_ms);
  if (snapshot.host.io_pressure && snapshot.host.io_pressure->some)
    finding.evidence.push_back(pressure_evidence("raw/proc/pressure/io", "some", *snapshot.host.io_pressure->some));
  if (snapshot.host.io_pressure && snapshot.host.io_pressure->full)
    finding.evidence.push_back(pressure_evidence("raw/proc/pressure/io", "full", *snapshot.host.io_pressure->full));
  for (auto& group : {stuck.of_target, stuck.others})
    for (size_t i = 0; i < std::min<size_t>(group.size(), 3); ++i)
      finding.evidence.push_back(
          {"system/blocked.txt", fmt::format("tid {}", group[i]->tid),
           fmt::format("{} D {}", in_sentence(group[i]->comm, 32),
                       group[i]->kernel_frames.empty() ? in_sentence(group[i]->wchan, 60)
                                                       : in_sentence(group[i]->kernel_frames.front(), 80))});
  for (auto* disk : slow)
    finding.evidence.push_back({"system/disks.txt", "device " + in_sentence(disk->device, 32),
                                fmt::format("{:.0f} % busy, queue {:.1f}, r_await {:.1f} ms, w_await {:.1f} ms",
                                            disk->busy_percent, disk->queue, disk->read_wait_ms, disk->write_wait_ms)});
  if (!errors.empty())
    finding.evidence.push_back(
        {kernel_log_artifact(snapshot), "last matching line", printable_line(errors.back()->text, 200)});
  return {finding};
}

namespace {

// Images that are full by design.
bool full_by_design(const Filesystem& filesystem) {
  for (std::string_view type : {"squashfs", "iso9660", "udf", "erofs", "cramfs", "romfs", "efivarfs", "devtmpfs",
                                "proc", "sysfs", "cgroup", "cgroup2", "fuse.snapfuse"})
    if (filesystem.type == type) return true;
  return filesystem.read_only;
}

// The same filesystem mounted in several places counts once, the place that the target uses first.
std::vector<const Filesystem*> distinct_filesystems(const Snapshot& snapshot) {
  std::vector<const Filesystem*> distinct;
  if (!snapshot.host.filesystems) return distinct;
  std::set<std::tuple<std::string_view, uint64_t, uint64_t, uint64_t>> seen;
  for (bool used : {true, false})
    for (auto& filesystem : *snapshot.host.filesystems)
      if (filesystem.used_by_target == used && !filesystem.hung && !full_by_design(filesystem))
        if (seen.emplace(filesystem.source, filesystem.size_bytes.value_or(0), filesystem.available_bytes.value_or(0),
                         filesystem.inodes_free.value_or(0))
                .second)
          distinct.push_back(&filesystem);
  return distinct;
}

// Filesystems that the whole host needs, whoever uses them now.
bool needed_by_all(const Filesystem& filesystem) {
  for (std::string_view place : {"/", "/var", "/tmp", "/run", "/var/log", "/var/lib", "/dev/shm"})
    if (filesystem.mount_point == place) return true;
  return false;
}

Severity gentler(Severity severity) {
  return severity == Severity::kInfo ? severity : static_cast<Severity>(static_cast<int>(severity) + 1);
}

// Deleted files that the target keeps open: their blocks come back only when they are closed.
uint64_t held_by_deleted_files(const Snapshot& snapshot) {
  uint64_t bytes = 0;
  if (snapshot.files)
    for (auto& file : snapshot.files->files)
      if (file.deleted && file.kind == "file") bytes += file.blocks_bytes.value_or(file.size_bytes.value_or(0));
  return bytes;
}

}  // namespace

Findings disk_full(const Snapshot& snapshot) {
  Findings findings;
  for (auto* filesystem : distinct_filesystems(snapshot)) {
    if (!filesystem->size_bytes || *filesystem->size_bytes == 0 || !filesystem->available_bytes) continue;
    double used = filesystem->used_percent();
    uint64_t available = *filesystem->available_bytes;
    constexpr uint64_t kGiB = uint64_t{1} << 30;
    std::optional<Severity> severity;
    if (used >= 99 && available < kGiB)
      severity = Severity::kCritical;
    else if (used >= 97 && available < 10 * kGiB)
      severity = Severity::kHigh;
    else if (used >= 93 && available < 20 * kGiB)
      severity = Severity::kMedium;
    if (!severity) continue;
    if (!filesystem->used_by_target && !needed_by_all(*filesystem)) severity = gentler(*severity);
    std::string place = in_sentence(filesystem->mount_point, 100);
    Finding finding{
        "disk-full",
        *severity,
        fmt::format("{}: {:.0f} % full, {} left", place, used, human_bytes(static_cast<double>(available))),
        fmt::format("The filesystem at {} ({}) is {:.0f} % full: {} left{}.", place,
                    in_sentence(filesystem->source, 80), used, human_bytes(static_cast<double>(available)),
                    filesystem->used_by_target ? fmt::format(", and {} uses it", target_name(snapshot)) : ""),
        {{"system/filesystems.txt", place,
          fmt::format("{} {} {:.1f} % used, {} bytes available", in_sentence(filesystem->source, 80),
                      in_sentence(filesystem->type, 20), used, available)}}};
    if (uint64_t held = held_by_deleted_files(snapshot); held >= (uint64_t{64} << 20) && filesystem->used_by_target) {
      finding.detail +=
          fmt::format(" {} keeps deleted files of {} open: that space comes back only when it closes them.",
                      target_name(snapshot), human_bytes(static_cast<double>(held)));
      finding.evidence.push_back({"process/open_files.txt", "deleted files", human_bytes(static_cast<double>(held))});
    }
    findings.push_back(std::move(finding));
  }
  return findings;
}

Findings inode_exhaustion(const Snapshot& snapshot) {
  Findings findings;
  for (auto* filesystem : distinct_filesystems(snapshot)) {
    if (!filesystem->inodes || !filesystem->inodes_free || *filesystem->inodes == 0)
      continue;  // btrfs and others count none
    auto severity = severity_of_fullness(filesystem->inodes_used_percent() / 100, {0.99, 0.96, 0.92});
    if (!severity) continue;
    if (!filesystem->used_by_target && !needed_by_all(*filesystem)) severity = gentler(*severity);
    uint64_t total = *filesystem->inodes, free = std::min(*filesystem->inodes_free, total);
    std::string place = in_sentence(filesystem->mount_point, 100);
    findings.push_back({"inode-exhaustion",
                        *severity,
                        fmt::format("{}: inodes {}", place, share_of(total - free, total)),
                        fmt::format("The filesystem at {} has {} of {} inodes left: no new file can be made there "
                                    "soon, however much space is free.",
                                    place, free, total),
                        {{"system/filesystems.txt", place, fmt::format("{} inodes, {} free", total, free)}}});
  }
  return findings;
}

Findings hung_mount(const Snapshot& snapshot) {
  Findings findings;
  if (!snapshot.host.filesystems) return findings;
  for (auto& filesystem : *snapshot.host.filesystems) {
    if (!filesystem.hung) continue;
    std::string place = in_sentence(filesystem.mount_point, 100);
    findings.push_back(
        {"hung-mount",
         filesystem.used_by_target ? Severity::kCritical : Severity::kMedium,
         fmt::format("The mount {} does not answer", place),
         fmt::format("The {} mount at {} (from {}) did not answer in time{}.", in_sentence(filesystem.type, 20), place,
                     in_sentence(filesystem.source, 80),
                     filesystem.used_by_target ? fmt::format(", and {} has files there", target_name(snapshot)) : "") +
             " Whoever touches it sleeps in state D until the server answers.",
         {{"system/filesystems.txt", place,
           fmt::format("{} {} {} hung", in_sentence(filesystem.source, 80), place,
                       in_sentence(filesystem.type, 20))}}});
  }
  return findings;
}

}  // namespace ec::rules
