// Which files of which cgroups are read. What they mean is in cgroup_parse.cc.
//
// Sections of raw/proc/PID/cgroup.bundle are named HIERARCHY/PATH/FILE ("memory/docker/0123/memory.limit_in_bytes",
// "unified/system.slice/nginx.service/cpu.max"), so that the text of raw/proc/PID/cgroup is enough to find them again.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "collector/collectors/process.h"
#include "collector/collectors/process_files.h"
#include "collector/proc/cgroup_mounts.h"
#include "collector/proc/proc_root.h"

namespace ec {

namespace {

enum Where : unsigned {
  kOwn = 1,    // of the target's own cgroup only
  kEvery = 2,  // of every level
  kTwice = 4,  // a counter: both readings
};
struct ControlFile {
  const char* name;
  unsigned where;
};

constexpr ControlFile kUnified[] = {
    {"cgroup.controllers", kOwn},
    {"cgroup.type", kOwn},
    {"cgroup.events", kEvery},
    {"cgroup.freeze", kEvery},
    {"cgroup.stat", kOwn},
    {"cpu.max", kEvery},
    {"cpu.max.burst", kOwn},
    {"cpu.stat", kEvery | kTwice},
    {"cpu.weight", kOwn},
    {"cpu.idle", kOwn},
    {"cpu.pressure", kOwn | kTwice},
    {"cpuset.cpus.effective", kOwn},
    {"cpuset.mems.effective", kOwn},
    {"io.max", kEvery},
    {"io.stat", kOwn | kTwice},
    {"io.weight", kOwn},
    {"io.pressure", kOwn | kTwice},
    {"memory.current", kEvery | kTwice},
    {"memory.events", kEvery | kTwice},
    {"memory.events.local", kOwn | kTwice},
    {"memory.high", kEvery},
    {"memory.low", kOwn},
    {"memory.max", kEvery},
    {"memory.min", kOwn},
    {"memory.oom.group", kEvery},
    {"memory.peak", kEvery},
    {"memory.pressure", kOwn | kTwice},
    {"memory.stat", kEvery},
    {"memory.swap.current", kEvery},
    {"memory.swap.events", kOwn},
    {"memory.swap.max", kEvery},
    {"memory.zswap.current", kOwn},
    {"pids.current", kEvery | kTwice},
    {"pids.events", kEvery | kTwice},
    {"pids.max", kEvery},
    {"pids.peak", kOwn},
};
constexpr ControlFile kMemory[] = {
    {"memory.failcnt", kEvery | kTwice},
    {"memory.limit_in_bytes", kEvery},
    {"memory.max_usage_in_bytes", kEvery},
    {"memory.memsw.limit_in_bytes", kEvery},
    {"memory.memsw.usage_in_bytes", kEvery},
    {"memory.kmem.usage_in_bytes", kOwn},
    {"memory.oom_control", kEvery | kTwice},
    {"memory.soft_limit_in_bytes", kOwn},
    {"memory.stat", kEvery},
    {"memory.swappiness", kOwn},
    {"memory.usage_in_bytes", kEvery | kTwice},
    {"memory.use_hierarchy", kOwn},
};
constexpr ControlFile kCpu[] = {
    {"cpu.cfs_period_us", kEvery}, {"cpu.cfs_quota_us", kEvery}, {"cpu.cfs_burst_us", kOwn},
    {"cpu.rt_runtime_us", kOwn},   {"cpu.rt_period_us", kOwn},   {"cpu.shares", kOwn},
    {"cpu.stat", kEvery | kTwice},
};
constexpr ControlFile kCpuacct[] = {{"cpuacct.stat", kOwn | kTwice}, {"cpuacct.usage", kOwn | kTwice}};
constexpr ControlFile kCpuset[] = {
    {"cpuset.cpus", kOwn}, {"cpuset.effective_cpus", kOwn}, {"cpuset.mems", kOwn}, {"cpuset.effective_mems", kOwn}};
constexpr ControlFile kPids[] = {
    {"pids.current", kEvery | kTwice}, {"pids.events", kEvery | kTwice}, {"pids.max", kEvery}};
constexpr ControlFile kFreezer[] = {
    {"freezer.state", kEvery}, {"freezer.self_freezing", kOwn}, {"freezer.parent_freezing", kOwn}};
constexpr ControlFile kBlkio[] = {
    {"blkio.throttle.io_service_bytes", kOwn | kTwice}, {"blkio.throttle.io_serviced", kOwn | kTwice},
    {"blkio.throttle.read_bps_device", kEvery},         {"blkio.throttle.write_bps_device", kEvery},
    {"blkio.throttle.read_iops_device", kEvery},        {"blkio.throttle.write_iops_device", kEvery}};

std::vector<ControlFile> files_of(const CgroupEntry& entry) {
  std::vector<ControlFile> files;
  auto add = [&](const auto& list) { files.insert(files.end(), std::begin(list), std::end(list)); };
  if (entry.controllers.empty()) add(kUnified);
  for (const std::string& controller : entry.controllers) {
    if (controller == "memory") add(kMemory);
    if (controller == "cpu") add(kCpu);
    if (controller == "cpuacct") add(kCpuacct);
    if (controller == "cpuset") add(kCpuset);
    if (controller == "pids") add(kPids);
    if (controller == "freezer") add(kFreezer);
    if (controller == "blkio") add(kBlkio);
  }
  return files;
}

void read_level(GatherContext& context, const std::string& bundle, const std::string& hierarchy,
                const CgroupLevel& level, const std::vector<ControlFile>& files, bool own) {
  context.out.touch(level.directory);
  auto directory = ProcRoot::open(level.directory);
  if (!directory) return context.out.failed_section(bundle, hierarchy + level.path, directory.error());
  std::string prefix = hierarchy + (level.path == "/" ? "" : level.path) + "/", buffer;
  for (const ControlFile& file : files) {
    if (!own && (file.where & kEvery) == 0) continue;
    if (context.reading != Reading::kFirst && (file.where & kTwice) == 0) continue;
    auto text = directory->read(file.name, buffer);
    // Which files there are depends on kernel, controller and level.
    if (!text && (text.error().sys_errno == ENOENT || text.error().sys_errno == EOPNOTSUPP)) continue;
    if (text)
      context.out.section(bundle, prefix + file.name, *text);
    else
      context.out.failed_section(bundle, prefix + file.name, text.error());
  }
}

}  // namespace

void gather_cgroup(GatherContext& context) {
  if (!context.target) return;
  int pid = context.target->pid;
  std::string shown = fmt::format("/proc/{}/cgroup", pid);
  std::string bundle = raw_path(context.reading, process_path(pid, "cgroup.bundle"));
  context.out.touch(shown);
  // When the process died between the readings, its cgroup still counts what killed it. The same helper takes both.
  static std::pair<int, std::string> remembered;
  auto text = read_file(shown);
  if (text) {
    remembered = {pid, *text};
    context.out.artifact(raw_path(context.reading, process_path(pid, "cgroup")), shown, *text, Redact::kNothing);
  } else {
    context.out.failed(raw_path(context.reading, process_path(pid, "cgroup")), shown, text.error(),
                       fix_for(text.error(), shown));
    if (remembered.first != pid) return;
    text = remembered.second;
  }
  auto entries = parse_pid_cgroup(shown, *text);
  auto mount_text = read_file("/proc/self/mountinfo");
  auto mounts = mount_text ? parse_mountinfo("/proc/self/mountinfo", *mount_text) : tl::unexpected(mount_text.error());
  if (!entries) return context.out.failed(bundle, shown, entries.error());
  if (!mounts) return context.out.failed(bundle, "/proc/self/mountinfo", mounts.error());

  bool found = false;
  for (const CgroupEntry& entry : *entries) {
    auto files = files_of(entry);
    auto levels = files.empty() ? std::vector<CgroupLevel>{} : cgroup_levels(entry, *mounts);
    for (size_t i = 0; i < levels.size(); ++i)
      read_level(context, bundle, hierarchy_name(entry), levels[i], files, i == 0);
    found = found || !levels.empty();
  }
  if (!found)
    context.out.failed(bundle, shown,
                       Error{ErrorCode::kSkipped, shown, "no cgroup hierarchy that holds it is mounted", 0},
                       "mount the cgroup filesystem, or run in the host's mount namespace");
}

}  // namespace ec
