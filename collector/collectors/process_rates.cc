#include "collector/collectors/process_rates.h"

#include <map>

#include "collector/base/text.h"
#include "collector/collectors/collector.h"
#include "collector/collectors/host_constants.h"
#include "collector/collectors/process_files.h"
#include "collector/proc/pid_io.h"
#include "collector/proc/pid_schedstat.h"
#include "collector/proc/pid_stat.h"
#include "collector/proc/pid_status.h"
#include "collector/proc/statm.h"

namespace ec {

namespace {

// Counters only grow; one that shrank was reset by somebody, and then its rate is not known to be anything.
double per_second(uint64_t before, uint64_t after, double seconds) {
  return after > before ? static_cast<double>(after - before) / seconds : 0;
}

struct TaskCounters {
  uint64_t run_delay_ns = 0, voluntary = 0, involuntary = 0;
  bool has_delay = false, has_switches = false;
};
using Tasks = std::map<int, TaskCounters>;

Tasks read_tasks(const RawStore& store, const std::string& path) {
  Tasks tasks;
  auto bytes = store.read(path);
  if (!bytes) return tasks;
  for (const Section& section : parse_bundle(*bytes)) {
    size_t slash = section.name.find('/');
    auto tid = parse_number<int>(section.name.substr(0, slash));
    if (section.failed || !tid || slash == std::string_view::npos) continue;
    std::string_view name = section.name.substr(slash + 1);
    if (name == "schedstat") {
      auto schedstat = parse_pid_schedstat(section.name, section.bytes);
      if (!schedstat) continue;
      tasks[*tid].run_delay_ns = schedstat->run_delay_ns;
      tasks[*tid].has_delay = true;
    } else if (name == "status") {
      auto status = parse_pid_status(section.name, section.bytes);
      if (!status) continue;
      tasks[*tid].voluntary = status->voluntary_switches;
      tasks[*tid].involuntary = status->involuntary_switches;
      tasks[*tid].has_switches = true;
    }
  }
  return tasks;
}

// Sums over threads. One that was born between the readings counts from zero; one that ended takes its counts along.
void add_task_rates(const Tasks& before, const Tasks& after, double seconds, ProcessRates& rates) {
  TaskCounters sum;
  for (const auto& [tid, now] : after) {
    auto found = before.find(tid);
    TaskCounters then = found == before.end() ? TaskCounters{.has_delay = true, .has_switches = true} : found->second;
    if (now.has_delay && then.has_delay && now.run_delay_ns > then.run_delay_ns) {
      sum.run_delay_ns += now.run_delay_ns - then.run_delay_ns;
    }
    sum.has_delay |= now.has_delay && then.has_delay;
    if (now.has_switches && then.has_switches) {
      sum.voluntary += now.voluntary > then.voluntary ? now.voluntary - then.voluntary : 0;
      sum.involuntary += now.involuntary > then.involuntary ? now.involuntary - then.involuntary : 0;
      sum.has_switches = true;
    }
  }
  if (sum.has_delay) rates.run_delay = static_cast<double>(sum.run_delay_ns) / 1e9 / seconds;
  if (sum.has_switches) {
    rates.voluntary_switches = static_cast<double>(sum.voluntary) / seconds;
    rates.involuntary_switches = static_cast<double>(sum.involuntary) / seconds;
  }
}

// One file of both readings, parsed.
template <class T>
struct Pair {
  std::optional<T> before, after;
  bool whole() const { return before && after; }
};

template <class T, class Parse>
Pair<T> read_pair(const RawStore& store, Reading latest, int pid, std::string_view name, Parse parse) {
  auto read = [&](Reading reading) -> std::optional<T> {
    std::string path = raw_path(reading, process_path(pid, name));
    auto text = store.read(path);
    if (!text) return std::nullopt;
    Result<T> parsed = parse(path, *text);
    if (!parsed) return std::nullopt;
    return std::move(*parsed);
  };
  return {read(Reading::kFirst), read(latest)};
}

}  // namespace

Result<ProcessRates> process_rates(const RawStore& store, int pid) {
  std::string stat_path = process_path(pid, "stat");
  Reading latest = latest_reading(store, stat_path);
  double seconds = interval_seconds(store, stat_path);
  if (latest == Reading::kFirst || seconds <= 0)
    return fail(ErrorCode::kNotFound, raw_path(Reading::kSecond, stat_path), "a rate needs two readings");
  auto stat = read_pair<PidStat>(store, latest, pid, "stat", parse_pid_stat);
  if (!stat.whole()) return fail(ErrorCode::kMalformed, "raw/" + stat_path, "expected two readings of stat");
  if (stat.before->start_ticks != stat.after->start_ticks)
    return fail(ErrorCode::kGone, "raw/" + stat_path, "the process id was reused between the readings");

  HostConstants constants = host_constants(store);
  double tick_seconds = seconds * static_cast<double>(constants.clock_ticks);
  ProcessRates rates;
  rates.interval_seconds = seconds;
  rates.user_cores = per_second(stat.before->user_ticks, stat.after->user_ticks, tick_seconds);
  rates.system_cores = per_second(stat.before->system_ticks, stat.after->system_ticks, tick_seconds);
  rates.cpu_cores = rates.user_cores + rates.system_cores;
  rates.minor_faults = per_second(stat.before->minor_faults, stat.after->minor_faults, seconds);
  rates.major_faults = per_second(stat.before->major_faults, stat.after->major_faults, seconds);

  auto io = read_pair<PidIo>(store, latest, pid, "io", parse_pid_io);
  rates.has_io = io.whole();
  if (io.whole()) {
    rates.read_bytes = per_second(io.before->read_bytes, io.after->read_bytes, seconds);
    rates.write_bytes = per_second(io.before->write_bytes, io.after->write_bytes, seconds);
    rates.read_syscalls = per_second(io.before->read_syscalls, io.after->read_syscalls, seconds);
    rates.write_syscalls = per_second(io.before->write_syscalls, io.after->write_syscalls, seconds);
  }
  auto status = read_pair<PidStatus>(store, latest, pid, "status", parse_pid_status);
  if (status.whole()) {
    rates.voluntary_switches = per_second(status.before->voluntary_switches, status.after->voluntary_switches, seconds);
    rates.involuntary_switches =
        per_second(status.before->involuntary_switches, status.after->involuntary_switches, seconds);
  }
  auto schedstat = read_pair<PidSchedstat>(store, latest, pid, "schedstat", parse_pid_schedstat);
  if (schedstat.whole())
    rates.run_delay = per_second(schedstat.before->run_delay_ns, schedstat.after->run_delay_ns, seconds * 1e9);
  auto statm = read_pair<Statm>(store, latest, pid, "statm", parse_statm);
  if (statm.whole())
    rates.rss_change_bytes =
        (static_cast<int64_t>(statm.after->resident_pages) - static_cast<int64_t>(statm.before->resident_pages)) *
        static_cast<int64_t>(constants.page_size);

  std::string tasks_path = process_path(pid, "task.bundle");
  double task_seconds = interval_seconds(store, tasks_path);
  Reading latest_tasks = latest_reading(store, tasks_path);
  if (task_seconds > 0 && latest_tasks != Reading::kFirst)
    add_task_rates(read_tasks(store, raw_path(Reading::kFirst, tasks_path)),
                   read_tasks(store, raw_path(latest_tasks, tasks_path)), task_seconds, rates);
  return rates;
}

}  // namespace ec
