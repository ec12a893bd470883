#include "collector/collectors/host_memory.h"

#include <map>

#include "collector/base/text.h"
#include "collector/collectors/host_readings.h"
#include "collector/proc/host_stat.h"
#include "collector/proc/meminfo.h"
#include "collector/proc/proc_root.h"
#include "collector/proc/vmstat.h"

namespace ec {

namespace {

constexpr int kMostNodes = 1024;

Part<MemoryInfo> memory_info(const RawStore& store) {
  auto values = latest(store, "proc/meminfo", parse_meminfo);
  if (!values) return values.error();
  auto get = [&](std::string_view name) {
    auto found = values->find(name);
    return found == values->end() ? uint64_t{0} : found->second;
  };
  MemoryInfo m;
  m.total = get("MemTotal");
  m.free = get("MemFree");
  m.buffers = get("Buffers");
  m.cached = get("Cached");
  m.slab = get("Slab");
  m.slab_unreclaimable = get("SUnreclaim");
  m.shmem = get("Shmem");
  m.anon = get("AnonPages");
  m.dirty = get("Dirty");
  m.writeback = get("Writeback");
  m.swap_total = get("SwapTotal");
  m.swap_free = get("SwapFree");
  m.commit_limit = get("CommitLimit");
  m.committed = get("Committed_AS");
  m.huge_pages_total = get("HugePages_Total");
  m.huge_pages_free = get("HugePages_Free");
  m.huge_page_size = get("Hugepagesize");
  m.page_tables = get("PageTables");
  m.kernel_stack = get("KernelStack");
  m.mlocked = get("Mlocked");
  // Linux before 3.14 has no MemAvailable: free memory and what is easily made free.
  m.available = values->contains("MemAvailable") ? get("MemAvailable")
                                                 : m.free + m.buffers + growth(m.shmem, m.cached) + get("SReclaimable");
  return m;
}

Part<VmRates> vm_rates(const RawStore& store) {
  auto counters = both(store, "proc/vmstat", parse_named_counters);
  if (!counters) return counters.error();
  auto rate = [&](std::string_view name) {
    uint64_t first = zoned_counter(counters->first, name), latest = zoned_counter(counters->latest, name);
    return static_cast<double>(growth(first, latest)) / counters->seconds;
  };
  VmRates vm;
  vm.swap_in = rate("pswpin");
  vm.swap_out = rate("pswpout");
  vm.page_in_kib = rate("pgpgin");
  vm.page_out_kib = rate("pgpgout");
  vm.faults = rate("pgfault");
  vm.major_faults = rate("pgmajfault");
  vm.direct_reclaim_scan = rate("pgscan_direct");
  vm.kswapd_scan = rate("pgscan_kswapd");
  vm.allocation_stalls = rate("allocstall");
  auto kills = counters->latest.find("oom_kill");  // since Linux 4.13
  if (kills != counters->latest.end()) {
    vm.oom_kills_since_boot = kills->second;
    vm.oom_kills = growth(zoned_counter(counters->first, "oom_kill"), kills->second);
  }
  auto stats = both(store, "proc/stat", parse_host_stat);
  if (!stats) return stats.error();
  auto stat_rate = [&](uint64_t HostStat::*counter) {
    return static_cast<double>(growth(stats->first.*counter, stats->latest.*counter)) / stats->seconds;
  };
  vm.context_switches = stat_rate(&HostStat::context_switches);
  vm.interrupts = stat_rate(&HostStat::interrupts);
  vm.forks = stat_rate(&HostStat::forks);
  return vm;
}

struct NumaNode {
  std::string memory, misses, distances, cpus;
};

Part<std::vector<std::string>> numa_nodes(const RawStore& store) {
  auto bundle = store.read("raw/host/numa.bundle");
  if (!bundle) return bundle.error();
  std::map<int, NumaNode> nodes;
  for (const Section& section : parse_bundle(*bundle)) {
    size_t slash = section.name.find('/');
    if (section.failed || !section.name.starts_with("node") || slash == std::string_view::npos) continue;
    auto number = parse_number<int>(section.name.substr(4, slash - 4));
    if (!number || *number < 0 || *number >= kMostNodes) continue;
    NumaNode& node = nodes[*number];
    std::string_view file = section.name.substr(slash + 1);
    if (file == "cpulist") node.cpus = printable_line(trim(section.bytes), 200);
    if (file == "distance") node.distances = printable_line(trim(section.bytes), 100);
    if (file == "meminfo") {
      if (auto values = parse_meminfo(section.name, section.bytes))
        node.memory = fmt::format(", {} of {} free", human_bytes(static_cast<double>((*values)["MemFree"])),
                                  human_bytes(static_cast<double>((*values)["MemTotal"])));
    }
    if (file == "numastat") {
      auto counters = parse_named_counters(section.name, section.bytes);
      if (counters) node.misses = fmt::format(", numa_miss {}", zoned_counter(*counters, "numa_miss"));
    }
  }
  std::vector<std::string> lines;
  lines.reserve(nodes.size());
  for (const auto& [number, node] : nodes)
    lines.push_back(fmt::format("node{}{}{}, distances {}, {}", number, node.memory, node.misses, node.distances,
                                node.cpus.empty() ? "no CPUs" : "CPUs " + node.cpus));
  return lines;
}

void gather_numa(GatherContext& context) {
  constexpr std::string_view kBundle = "raw/host/numa.bundle";
  auto nodes = ProcRoot::open("/sys/devices/system/node");
  if (!nodes) {
    context.out.failed(kBundle, "/sys/devices/system/node",
                       Error{ErrorCode::kSkipped, "/sys/devices/system/node", "this kernel knows no NUMA nodes", 0});
    return;
  }
  std::string buffer;
  for (int number = 0, missing = 0; number < kMostNodes && missing < 8; ++number) {
    for (std::string_view file : {"cpulist", "meminfo", "numastat", "distance"}) {
      std::string path = fmt::format("node{}/{}", number, file);
      context.out.touch(path);
      auto bytes = nodes->read(path.c_str(), buffer);
      if (bytes)
        context.out.section(kBundle, path, *bytes);
      else if (file == "cpulist") {
        ++missing;  // numbers have gaps where memory or processors were taken out
        break;
      }
    }
  }
}

}  // namespace

void gather_host_memory(GatherContext& context) {
  store_reading(context, "proc/meminfo", Redact::kNothing);
  store_reading(context, "proc/vmstat", Redact::kNothing);
  if (context.reading != Reading::kFirst) return;
  store_if_there(context, "raw/proc/swaps", "/proc/swaps");
  store_if_there(context, "raw/proc/buddyinfo", "/proc/buddyinfo", Redact::kNothing);
  store_if_there(context, "raw/proc/zoneinfo", "/proc/zoneinfo", Redact::kNothing);
  gather_numa(context);
}

void parse_host_memory(const RawStore& store, Snapshot& snapshot) {
  snapshot.host.memory = memory_info(store);
  snapshot.host.vm = vm_rates(store);
  snapshot.host.numa = numa_nodes(store);
}

}  // namespace ec
