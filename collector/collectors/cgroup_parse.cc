// The limits that the target lives under, from the control files of its cgroups and all above them. A limit holds for
// everything below it, so the strictest one on the way up counts, and the usage to compare it with is that of its
// cgroup.
#include <algorithm>
#include <map>

#include "collector/base/text.h"
#include "collector/collectors/pressure_parts.h"
#include "collector/collectors/process.h"
#include "collector/collectors/process_files.h"
#include "collector/proc/cgroup_files.h"
#include "collector/proc/cgroup_mounts.h"

namespace ec {

namespace {

using Numbers = std::map<std::string, uint64_t>;
using Optional = std::optional<uint64_t>;

// The control files of one reading.
class ControlFiles {
 public:
  explicit ControlFiles(std::vector<Section> sections) : sections_(std::move(sections)) {
    for (const Section& section : sections_)
      if (!section.failed) by_name_.try_emplace(section.name, section.bytes);
  }

  std::optional<std::string_view> text(const std::string& hierarchy, const std::string& level,
                                       std::string_view file) const {
    auto found = by_name_.find(fmt::format("{}{}/{}", hierarchy, level == "/" ? "" : level, file));
    if (found == by_name_.end()) return std::nullopt;
    return found->second;
  }
  Optional number(const std::string& hierarchy, const std::string& level, std::string_view file) const {
    auto bytes = text(hierarchy, level, file);
    auto number = bytes ? parse_cgroup_number(file, *bytes) : fail(ErrorCode::kNotFound, "", "");
    return number ? Optional(*number) : Optional();
  }
  Optional limit(const std::string& hierarchy, const std::string& level, std::string_view file) const {
    auto bytes = text(hierarchy, level, file);
    auto limit = bytes ? parse_cgroup_limit(file, *bytes) : fail(ErrorCode::kNotFound, "", "");
    return limit ? *limit : Optional();
  }
  // Empty when the file is missing or malformed.
  Numbers keyed(const std::string& hierarchy, const std::string& level, std::string_view file) const {
    auto bytes = text(hierarchy, level, file);
    if (!bytes) return {};
    return parse_flat_keyed(file, *bytes).value_or(Numbers{});
  }
  bool has(std::string_view prefix) const {
    auto found = by_name_.lower_bound(prefix);
    return found != by_name_.end() && found->first.starts_with(prefix);
  }
  const std::vector<Section>& sections() const { return sections_; }

 private:
  std::vector<Section> sections_;
  std::map<std::string_view, std::string_view, std::less<>> by_name_;
};

Optional at(const Numbers& numbers, std::string_view key) {
  auto found = numbers.find(std::string(key));
  return found == numbers.end() ? Optional() : Optional(found->second);
}

// One hierarchy that has a controller: its name in sections and the levels from the target's cgroup up.
struct Branch {
  std::string hierarchy;
  std::vector<std::string> levels;
  bool unified = false;
  const std::string& own() const { return levels.front(); }
};

// A v1 hierarchy that names the controller, else the v2 one.
std::optional<Branch> branch_of(const std::vector<CgroupEntry>& entries, std::string_view controller) {
  const CgroupEntry* best = nullptr;
  for (const CgroupEntry& entry : entries) {
    bool named = std::find(entry.controllers.begin(), entry.controllers.end(), controller) != entry.controllers.end();
    if (named || (entry.controllers.empty() && !best)) best = &entry;
    if (named) break;
  }
  if (!best) return std::nullopt;
  return Branch{hierarchy_name(*best), cgroup_ancestry(best->path), best->controllers.empty()};
}

// The smallest limit in `file` of any level, and that level; the own level when nobody limits.
std::pair<Optional, std::string> strictest(const ControlFiles& files, const Branch& branch, std::string_view file) {
  std::pair<Optional, std::string> best{Optional(), branch.own()};
  for (const std::string& level : branch.levels) {
    Optional limit = files.limit(branch.hierarchy, level, file);
    if (limit && (!best.first || *limit < *best.first)) best = {limit, level};
  }
  return best;
}

void fill_memory(Cgroup& cgroup, const ControlFiles& files, const ControlFiles& later, const Branch& branch) {
  const std::string& h = branch.hierarchy;
  auto [limit, level] = strictest(files, branch, branch.unified ? "memory.max" : "memory.limit_in_bytes");
  cgroup.memory_limit_bytes = limit;
  Numbers stat = files.keyed(h, level, "memory.stat");
  if (branch.unified) {
    cgroup.memory_high_bytes = strictest(files, branch, "memory.high").first;
    cgroup.memory_current_bytes = files.number(h, level, "memory.current");
    cgroup.memory_peak_bytes = files.number(h, level, "memory.peak");
    cgroup.memory_inactive_file_bytes = at(stat, "inactive_file");
    auto [swap_limit, swap_level] = strictest(files, branch, "memory.swap.max");
    cgroup.swap_limit_bytes = swap_limit;
    cgroup.swap_current_bytes = files.number(h, swap_level, "memory.swap.current");
    cgroup.memory_max_events = at(files.keyed(h, level, "memory.events"), "max");
  } else {
    cgroup.memory_current_bytes = files.number(h, level, "memory.usage_in_bytes");
    cgroup.memory_peak_bytes = files.number(h, level, "memory.max_usage_in_bytes");
    // "total_" counts the cgroups below, as usage_in_bytes does.
    cgroup.memory_inactive_file_bytes = at(stat, "total_inactive_file");
    cgroup.swap_current_bytes = at(stat, "total_swap");
    Optional both = files.limit(h, level, "memory.memsw.limit_in_bytes");
    if (both && limit && *both >= *limit) cgroup.swap_limit_bytes = *both - *limit;
    cgroup.memory_max_events = files.number(h, level, "memory.failcnt");
  }
  std::string_view events = branch.unified ? "memory.events" : "memory.oom_control";
  cgroup.oom_kills = at(files.keyed(h, level, events), "oom_kill");
  Optional kills_later = at(later.keyed(h, level, events), "oom_kill");
  if (cgroup.oom_kills && kills_later && *kills_later >= *cgroup.oom_kills)
    cgroup.oom_kills_between = *kills_later - *cgroup.oom_kills;
}

struct CpuLevel {
  std::optional<double> cores;
  std::string level;
};

CpuLevel strictest_cpu(const ControlFiles& files, const Branch& branch) {
  CpuLevel best{std::nullopt, branch.own()};
  for (const std::string& level : branch.levels) {
    std::optional<double> cores;
    if (branch.unified) {
      auto text = files.text(branch.hierarchy, level, "cpu.max");
      auto quota = text ? parse_cpu_max("cpu.max", *text) : fail(ErrorCode::kNotFound, "", "");
      if (quota) cores = quota->cores();
    } else {
      Optional quota = files.limit(branch.hierarchy, level, "cpu.cfs_quota_us");  // -1: none
      Optional period = files.number(branch.hierarchy, level, "cpu.cfs_period_us");
      if (quota && period) cores = CpuQuota{quota, *period}.cores();
    }
    if (cores && (!best.cores || *cores < *best.cores)) best = {cores, level};
  }
  return best;
}

Optional throttled_us(const Numbers& stat) {
  if (auto us = at(stat, "throttled_usec")) return us;
  auto ns = at(stat, "throttled_time");  // v1: nanoseconds
  return ns ? Optional(*ns / 1000) : Optional();
}

void fill_cpu(Cgroup& cgroup, const ControlFiles& files, const ControlFiles& later, const Branch& branch,
              double seconds) {
  CpuLevel limit = strictest_cpu(files, branch);
  cgroup.cpu_limit_cores = limit.cores;
  Numbers before = files.keyed(branch.hierarchy, limit.level, "cpu.stat");
  Numbers after = later.keyed(branch.hierarchy, limit.level, "cpu.stat");
  cgroup.cpu_periods = at(before, "nr_periods");
  cgroup.cpu_throttled_periods = at(before, "nr_throttled");
  cgroup.cpu_throttled_us = throttled_us(before);
  auto difference = [&](const Optional& then, const Optional& now) {
    return then && now && *now >= *then ? Optional(*now - *then) : Optional();
  };
  Optional periods = difference(cgroup.cpu_periods, at(after, "nr_periods"));
  Optional throttled = difference(cgroup.cpu_throttled_periods, at(after, "nr_throttled"));
  Optional stalled = difference(cgroup.cpu_throttled_us, throttled_us(after));
  if (periods && throttled)
    cgroup.throttled_share = *periods == 0 ? 0 : static_cast<double>(*throttled) / static_cast<double>(*periods);
  Optional used = difference(at(before, "usage_usec"), at(after, "usage_usec"));
  if (used && seconds > 0) cgroup.cpu_cores = static_cast<double>(*used) / 1e6 / seconds;
  if (stalled && seconds > 0) cgroup.throttled_seconds_per_second = static_cast<double>(*stalled) / 1e6 / seconds;
}

void fill_pids(Cgroup& cgroup, const ControlFiles& files, const Branch& branch) {
  auto [limit, level] = strictest(files, branch, "pids.max");
  cgroup.pids_limit = limit;
  cgroup.pids_current = files.number(branch.hierarchy, level, "pids.current");
  cgroup.pids_max_events = at(files.keyed(branch.hierarchy, level, "pids.events"), "max");
}

// A frozen ancestor freezes everything below it.
void fill_frozen(Cgroup& cgroup, const ControlFiles& files, const Branch& branch) {
  for (const std::string& level : branch.levels) {
    if (branch.unified) {
      Optional frozen = at(files.keyed(branch.hierarchy, level, "cgroup.events"), "frozen");
      if (frozen) cgroup.frozen = cgroup.frozen.value_or(false) || *frozen != 0;
    } else if (auto state = files.text(branch.hierarchy, level, "freezer.state")) {
      cgroup.frozen = cgroup.frozen.value_or(false) || trim(*state) != "THAWED";
    }
  }
}

void fill_pressure(Cgroup& cgroup, const ControlFiles& files, const Branch& branch) {
  auto read = [&](const char* file) -> Part<Pressure> {
    auto text = files.text(branch.hierarchy, branch.own(), file);
    if (!text) return Error{ErrorCode::kUnsupported, file, "this cgroup has no such file", 0};
    return pressure_part(file, *text);
  };
  cgroup.cpu_pressure = read("cpu.pressure");
  cgroup.memory_pressure = read("memory.pressure");
  cgroup.io_pressure = read("io.pressure");
}

void fill_names(Cgroup& cgroup, const std::vector<CgroupEntry>& entries) {
  // v2 and systemd's own hierarchy know best; controllers may be delegated coarsely.
  auto rank = [](const CgroupEntry& entry) {
    if (entry.controllers.empty()) return 0;
    return entry.controllers.front() == "name=systemd" ? 1 : 2;
  };
  std::vector<const CgroupEntry*> ordered;
  ordered.reserve(entries.size());
  for (const CgroupEntry& entry : entries) ordered.push_back(&entry);
  std::stable_sort(ordered.begin(), ordered.end(),
                   [&](const CgroupEntry* a, const CgroupEntry* b) { return rank(*a) < rank(*b); });
  for (const CgroupEntry* entry : ordered) {
    if (cgroup.unit.empty()) cgroup.unit = unit_from_path(entry->path);
    if (cgroup.container_id.empty()) cgroup.container_id = container_id_from_path(entry->path);
    if (entry->controllers.empty()) cgroup.paths[""] = entry->path;
    for (const std::string& controller : entry->controllers) cgroup.paths[controller] = entry->path;
  }
}

void fill_files(Cgroup& cgroup, const ControlFiles& files, const std::vector<CgroupEntry>& entries) {
  for (const CgroupEntry& entry : entries) {
    std::string prefix = hierarchy_name(entry) + (entry.path == "/" ? "" : entry.path) + "/";
    for (const Section& section : files.sections()) {
      if (section.failed || !section.name.starts_with(prefix)) continue;
      std::string_view name = section.name.substr(prefix.size());
      if (name.find('/') == std::string_view::npos) cgroup.files.try_emplace(std::string(name), trim(section.bytes));
    }
  }
}

int version_of(const std::vector<CgroupEntry>& entries, const ControlFiles& files) {
  bool first = std::any_of(entries.begin(), entries.end(), [](const CgroupEntry& e) { return !e.controllers.empty(); });
  if (!first) return entries.empty() ? 0 : 2;
  // Every kernel with v2 prints its line; it is in use where it is mounted.
  return files.has("unified/") ? 12 : 1;
}

}  // namespace

void parse_cgroup(const RawStore& store, Snapshot& snapshot) {
  int pid = snapshot.target.pid;
  if (pid <= 0) return;
  std::string path = "raw/" + process_path(pid, "cgroup"), bundle = process_path(pid, "cgroup.bundle");
  auto text = store.read(path);
  auto entries = text ? parse_pid_cgroup(path, *text) : tl::unexpected(text.error());
  if (!entries) {
    snapshot.process.cgroup = entries.error();
    return;
  }
  ControlFiles files(store.bundle("raw/" + bundle));
  Reading latest = latest_reading(store, bundle);
  ControlFiles later(latest == Reading::kFirst ? std::vector<Section>{} : store.bundle(raw_path(latest, bundle)));

  Cgroup cgroup;
  cgroup.version = version_of(*entries, files);
  fill_names(cgroup, *entries);
  if (auto branch = branch_of(*entries, "memory")) fill_memory(cgroup, files, later, *branch);
  if (auto branch = branch_of(*entries, "cpu"))
    fill_cpu(cgroup, files, later, *branch, interval_seconds(store, bundle));
  if (auto branch = branch_of(*entries, "pids")) fill_pids(cgroup, files, *branch);
  if (auto branch = branch_of(*entries, "freezer")) fill_frozen(cgroup, files, *branch);
  if (auto branch = branch_of(*entries, "")) fill_pressure(cgroup, files, *branch);
  fill_files(cgroup, files, *entries);
  snapshot.process.cgroup = std::move(cgroup);
}

}  // namespace ec
