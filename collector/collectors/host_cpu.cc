#include "collector/collectors/host_cpu.h"

#include <algorithm>
#include <map>

#include "collector/collectors/host_readings.h"
#include "collector/proc/host_stat.h"
#include "collector/proc/interrupts.h"
#include "collector/proc/loadavg.h"

namespace ec {

namespace {

constexpr size_t kInterruptsShown = 10;

// As mpstat: the guest's time is inside user and nice, so it is taken out of them; a counter that went back counts as 0
// (idle and iowait may).
CpuShare share(const CpuTicks& first, const CpuTicks& latest) {
  CpuShare s;
  s.cpu = latest.cpu < 0 ? "all" : std::to_string(latest.cpu);
  auto grown = [](uint64_t a, uint64_t b) { return static_cast<double>(growth(a, b)); };
  double guest = grown(first.guest, latest.guest), guest_nice = grown(first.guest_nice, latest.guest_nice);
  double user = std::max(grown(first.user, latest.user) - guest, 0.0);
  double nice = std::max(grown(first.nice, latest.nice) - guest_nice, 0.0);
  double system = grown(first.system, latest.system), idle = grown(first.idle, latest.idle);
  double iowait = grown(first.iowait, latest.iowait), irq = grown(first.irq, latest.irq);
  double softirq = grown(first.softirq, latest.softirq), steal = grown(first.steal, latest.steal);
  double total = user + nice + system + idle + iowait + irq + softirq + steal + guest + guest_nice;
  if (total <= 0) return s;  // a CPU that slept through the interval without a tick: 100 % idle
  s.user = 100 * user / total;
  s.nice = 100 * nice / total;
  s.system = 100 * system / total;
  s.iowait = 100 * iowait / total;
  s.irq = 100 * irq / total;
  s.softirq = 100 * softirq / total;
  s.steal = 100 * steal / total;
  s.guest = 100 * (guest + guest_nice) / total;
  s.idle = 100 * idle / total;
  return s;
}

Part<std::vector<CpuShare>> cpu_shares(const RawStore& store) {
  auto stats = both(store, "proc/stat", parse_host_stat);
  if (!stats) return stats.error();
  std::map<int, const CpuTicks*> first;
  for (const CpuTicks& cpu : stats->first.cpus) first.emplace(cpu.cpu, &cpu);
  std::vector<CpuShare> shares;
  for (const CpuTicks& cpu : stats->latest.cpus) {
    auto before = first.find(cpu.cpu);
    if (before != first.end()) shares.push_back(share(*before->second, cpu));  // else it came online in between
  }
  return shares;
}

Part<Load> load_of(const RawStore& store) {
  auto averages = latest(store, "proc/loadavg", parse_loadavg);
  if (!averages) return averages.error();
  Load load;
  load.load1 = averages->load1;
  load.load5 = averages->load5;
  load.load15 = averages->load15;
  load.running = averages->running;
  load.tasks = averages->tasks;
  load.uptime_seconds = latest(store, "proc/uptime", parse_uptime).value_or(0);
  auto stat = latest(store, "proc/stat", parse_host_stat);
  if (!stat) return stat.error();
  load.cpus_online = static_cast<int>(stat->cpus.size()) - 1;
  load.blocked = stat->blocked;
  return load;
}

}  // namespace

void gather_host_cpu(GatherContext& context) {
  store_reading(context, "proc/stat", Redact::kNothing);
  store_reading(context, "proc/loadavg", Redact::kNothing);
  store_reading(context, "proc/uptime", Redact::kNothing);
}

void parse_host_cpu(const RawStore& store, Snapshot& snapshot) {
  snapshot.host.load = load_of(store);
  snapshot.host.cpu = cpu_shares(store);
}

void gather_host_interrupts(GatherContext& context) {
  store_reading(context, "proc/interrupts", Redact::kNothing);
  store_if_there(context, raw_path(context.reading, "proc/softirqs"), "/proc/softirqs", Redact::kNothing);
}

void parse_host_interrupts(const RawStore& store, Snapshot& snapshot) {
  auto& part = snapshot.host.interrupts;
  auto counts = both(store, "proc/interrupts", parse_interrupts);
  if (!counts) {
    part = counts.error();
    return;
  }
  std::map<std::string_view, uint64_t> first;
  for (const InterruptCount& count : counts->first) first.emplace(count.name, count.total);
  std::vector<std::pair<double, std::string>> rates;
  for (const InterruptCount& count : counts->latest) {
    auto before = first.find(count.name);
    uint64_t grown = growth(before == first.end() ? 0 : before->second, count.total);
    if (grown == 0) continue;
    std::string name = count.description.empty() ? count.name : fmt::format("{} {}", count.name, count.description);
    rates.emplace_back(static_cast<double>(grown) / counts->seconds, std::move(name));
  }
  std::sort(rates.rbegin(), rates.rend());
  if (rates.size() > kInterruptsShown) rates.resize(kInterruptsShown);
  std::map<std::string, double> largest;
  for (auto& [rate, name] : rates) largest.emplace(std::move(name), rate);
  part = std::move(largest);
}

}  // namespace ec
