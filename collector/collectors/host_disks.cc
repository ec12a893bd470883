#include "collector/collectors/host_disks.h"

#include <algorithm>
#include <map>

#include "collector/collectors/host_readings.h"
#include "collector/proc/diskstats.h"

namespace ec {

namespace {

constexpr double kSectorBytes = 512;

// As iostat -x (sysstat, compute_ext_disk_stats): a wait is the time of the requests that ended divided by their
// number; queue is the time of all requests, weighted, by the interval; busy is the share of the interval with a
// request in flight.
DiskRates rates_of(const DiskCounters& first, const DiskCounters& latest, double seconds) {
  auto grown = [&](uint64_t DiskCounters::*counter) {
    return static_cast<double>(growth(first.*counter, latest.*counter));
  };
  auto grown_ms = [&](uint64_t DiskCounters::*counter) {
    return static_cast<double>(growth_32(first.*counter, latest.*counter));
  };
  DiskRates r;
  r.device = latest.name;
  double reads = grown(&DiskCounters::reads), writes = grown(&DiskCounters::writes);
  r.reads = reads / seconds;
  r.writes = writes / seconds;
  r.discards = grown(&DiskCounters::discards) / seconds;
  r.flushes = grown(&DiskCounters::flushes) / seconds;
  r.read_bytes = grown(&DiskCounters::read_sectors) * kSectorBytes / seconds;
  r.write_bytes = grown(&DiskCounters::write_sectors) * kSectorBytes / seconds;
  r.read_wait_ms = reads > 0 ? grown_ms(&DiskCounters::read_ms) / reads : 0;
  r.write_wait_ms = writes > 0 ? grown_ms(&DiskCounters::write_ms) / writes : 0;
  r.queue = grown_ms(&DiskCounters::queue_ms) / (seconds * 1000);
  // The two clocks differ a little, so the share can come out above the whole.
  r.busy_percent = std::min(100.0, grown_ms(&DiskCounters::busy_ms) / (seconds * 10));
  return r;
}

bool ever_used(const DiskCounters& disk) { return disk.reads + disk.writes + disk.discards + disk.in_flight > 0; }

}  // namespace

void gather_host_disks(GatherContext& context) { store_reading(context, "proc/diskstats", Redact::kNothing); }

void parse_host_disks(const RawStore& store, Snapshot& snapshot) {
  auto disks = both(store, "proc/diskstats", parse_diskstats);
  if (!disks) {
    snapshot.host.disks = disks.error();
    return;
  }
  std::map<std::string_view, const DiskCounters*> first;
  for (const DiskCounters& disk : disks->first) first.emplace(disk.name, &disk);
  std::vector<DiskRates> rates;
  std::string_view whole;  // the kernel lists partitions behind their disk
  for (const DiskCounters& disk : disks->latest) {
    if (is_partition_of(disk.name, whole)) continue;
    whole = disk.name;
    auto before = first.find(disk.name);
    if (before == first.end() || !ever_used(disk)) continue;
    rates.push_back(rates_of(*before->second, disk, disks->seconds));
  }
  snapshot.host.disks = std::move(rates);
}

}  // namespace ec
