// A run lasts fractions of a second: any figure measured in it may be chance. Every rule here asks for a second witness
// that remembers longer: load average, pressure averages, counters since the start.
#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/rules.h"
#include "collector/analysis/thread_words.h"
#include "collector/base/text.h"

namespace ec::rules {

namespace {

const CpuShare* all_cpus(const Snapshot& snapshot) {
  if (!snapshot.host.cpu || snapshot.host.cpu->empty()) return nullptr;
  return &snapshot.host.cpu->front();
}

double load_per_cpu(const Snapshot& snapshot) {
  return snapshot.host.load && snapshot.host.load->cpus_online > 0
             ? snapshot.host.load->load1 / snapshot.host.load->cpus_online
             : 0;
}

Evidence load_evidence(const Load& load) {
  return {"raw/proc/loadavg", "line 1",
          fmt::format("{:.2f} {:.2f} {:.2f} {}/{}", load.load1, load.load5, load.load15, load.running, load.tasks)};
}

constexpr double kLongEnough = 5;  // seconds after which an interval is its own witness

}  // namespace

Findings cpu_saturation_host(const Snapshot& snapshot) {
  auto* cpu = all_cpus(snapshot);
  if (!cpu || !snapshot.host.load) return {};
  double free = cpu->idle + cpu->iowait, load = load_per_cpu(snapshot),
         pressure = some_avg10(snapshot.host.cpu_pressure);
  if (free > 10 || (load < 1.5 && pressure < 40)) return {};
  bool heavy = load >= 4 || pressure >= 75;
  auto& host_load = *snapshot.host.load;
  Finding finding{"cpu-saturation-host",
                  heavy ? Severity::kHigh : Severity::kMedium,
                  fmt::format("CPU of the host: {:.0f} % busy, load {:.1f} on {}", 100 - free, host_load.load1,
                              counted(static_cast<uint64_t>(std::max(host_load.cpus_online, 0)), "CPU")),
                  "",
                  {}};
  finding.detail = fmt::format(
      "All {} CPUs of the host are busy: load {:.1f}, {:.0f} % user, {:.0f} % system, {:.0f} % stolen by the "
      "hypervisor.",
      host_load.cpus_online, host_load.load1, cpu->user + cpu->nice, cpu->system + cpu->irq + cpu->softirq, cpu->steal);
  if (snapshot.host.processes) {
    std::vector<std::string> top;
    for (auto& process : *snapshot.host.processes)
      if (process.cpu_cores >= 0.1 && top.size() < 3)
        top.push_back(
            fmt::format("{} (pid {}) {:.1f} cores", in_sentence(process.comm, 32), process.pid, process.cpu_cores));
    if (!top.empty()) finding.detail += " Most of it: " + enumerate(top) + ".";
  }
  finding.evidence.push_back(load_evidence(host_load));
  finding.evidence.push_back(
      {"raw/second/proc/stat", "line \"cpu\"",
       fmt::format("user {:.0f} nice {:.0f} system {:.0f} iowait {:.0f} steal {:.0f} idle {:.0f} %", cpu->user,
                   cpu->nice, cpu->system, cpu->iowait, cpu->steal, cpu->idle)});
  if (snapshot.host.cpu_pressure && snapshot.host.cpu_pressure->some)
    finding.evidence.push_back(pressure_evidence("raw/proc/pressure/cpu", "some", *snapshot.host.cpu_pressure->some));
  return {finding};
}

namespace {

const Thread* hottest(const Snapshot& snapshot) {
  const Thread* hot = nullptr;
  if (snapshot.threads)
    for (auto& thread : *snapshot.threads)
      if (thread.cpu_cores && (!hot || *thread.cpu_cores > *hot->cpu_cores)) hot = &thread;
  return hot;
}

// A thread that has been hot for long shows in its own account, or in the load average.
bool thread_corroborated(const Snapshot& snapshot, const Thread& thread) {
  if (reading_interval(snapshot) >= kLongEnough) return true;
  double used = thread.user_cpu_seconds + thread.system_cpu_seconds;
  if (thread.age_seconds >= 10 && used / thread.age_seconds >= 0.5) return true;
  return snapshot.host.load && snapshot.host.load->load1 >= 0.7 && used >= 10;
}

bool process_corroborated(const Snapshot& snapshot, double cores) {
  if (reading_interval(snapshot) >= kLongEnough) return true;
  if (snapshot.host.load && snapshot.host.load->load1 >= 0.7 * cores) return true;
  return snapshot.process.cgroup && some_avg10(snapshot.process.cgroup->cpu_pressure) >= 20;
}

Finding hot_thread_finding(const Snapshot& snapshot, const Thread& hot) {
  ThreadIndex index(snapshot);
  std::string function = in_sentence(top_function(index, hot.tid), 100),
              program = in_sentence(program_function(index, hot.tid), 100);
  Finding finding{
      "cpu-saturation-process", Severity::kMedium, fmt::format("Thread {} uses a whole CPU", thread_name(hot)), "", {}};
  finding.detail =
      fmt::format("Thread {} of {} uses {:.0f} % of one CPU{}{}{}{}.", in_sentence(thread_name(hot), 60),
                  target_name(snapshot), 100 * *hot.cpu_cores, function.empty() ? "" : ", in ", function,
                  program.empty() || program == function ? "" : ", called by ", program == function ? "" : program);
  finding.detail += " A single thread cannot use more: what it serves waits in a queue.";
  finding.evidence.push_back(
      {raw_process(snapshot, "task.bundle"), fmt::format("section {}/stat", hot.tid),
       fmt::format("{:.2f} cores between the readings; {:.1f} s CPU in {} of life", *hot.cpu_cores,
                   hot.user_cpu_seconds + hot.system_cpu_seconds, human_duration(hot.age_seconds))});
  if (!function.empty()) finding.evidence.push_back({"threads/stacks.txt", fmt::format("tid {}", hot.tid), function});
  if (hot.run_delay && *hot.run_delay >= 0.2)
    finding.detail += fmt::format(" It also waited for a CPU {:.0f} % of the time.", 100 * *hot.run_delay);
  return finding;
}

}  // namespace

Findings cpu_saturation_process(const Snapshot& snapshot) {
  if (!snapshot.process.rates) return {};
  Findings findings;
  double used = snapshot.process.rates->cpu_cores, usable = usable_cores(snapshot);
  if (usable > 0 && used >= 0.9 * usable && used >= 0.5 && process_corroborated(snapshot, usable)) {
    bool starved = snapshot.process.rates->run_delay >= 0.5 * usable ||
                   (snapshot.process.cgroup && some_avg10(snapshot.process.cgroup->cpu_pressure) >= 40);
    Finding finding{
        "cpu-saturation-process",
        starved ? Severity::kHigh : Severity::kMedium,
        fmt::format("CPU of the process: {:.1f} of {:g} cores", used, usable),
        fmt::format("{} uses all the CPU it can get: {:.1f} of {:g} cores, {:.0f} % of it in the kernel.",
                    target_name(snapshot), used, usable, 100 * ratio(snapshot.process.rates->system_cores, used)),
        {{raw_process(snapshot, "stat"), "fields utime, stime",
          fmt::format("{:.2f} cores user, {:.2f} cores system", snapshot.process.rates->user_cores,
                      snapshot.process.rates->system_cores)}}};
    if (snapshot.host.load) finding.evidence.push_back(load_evidence(*snapshot.host.load));
    findings.push_back(std::move(finding));
  }
  auto* hot = hottest(snapshot);
  if (!hot || *hot->cpu_cores < 0.9 || !thread_corroborated(snapshot, *hot)) return findings;
  Finding thread = hot_thread_finding(snapshot, *hot);
  if (findings.empty()) return {thread};
  // One finding: the process, with its hottest thread named.
  findings.front().detail += " " + thread.detail;
  for (auto& evidence : thread.evidence) findings.front().evidence.push_back(std::move(evidence));
  return findings;
}

// A period is 100 ms: a third of a second holds three of them, so the share of this run alone proves nothing.
Findings cpu_throttled(const Snapshot& snapshot) {
  if (!snapshot.process.cgroup) return {};
  auto& cgroup = *snapshot.process.cgroup;
  double ever = cgroup.cpu_periods && cgroup.cpu_throttled_periods
                    ? ratio(*cgroup.cpu_throttled_periods, *cgroup.cpu_periods)
                    : 0;
  double now = cgroup.throttled_share.value_or(0), pressure = some_avg10(cgroup.cpu_pressure);
  std::optional<Severity> severity;
  bool witness = ever >= 0.05 || pressure >= 10 || reading_interval(snapshot) >= kLongEnough;
  if (now >= 0.25 && witness)
    severity = now >= 0.5 && (ever >= 0.25 || pressure >= 25) ? Severity::kHigh : Severity::kMedium;
  else if (ever >= 0.25 && *cgroup.cpu_periods >= 600)
    severity = Severity::kLow;
  if (!severity) return {};
  std::string limit = cgroup.cpu_limit_cores ? fmt::format("{:g} cores", *cgroup.cpu_limit_cores) : "its quota";
  Finding finding{"cpu-throttled",
                  *severity,
                  fmt::format("CPU quota: throttled in {:.0f} % of the periods", 100 * (now >= 0.25 ? now : ever)),
                  "",
                  {}};
  finding.detail = now >= 0.25 ? fmt::format(
                                     "{} is held back by its CPU quota ({}): throttled in {:.0f} % of the periods of "
                                     "this run and {:.0f} % since the cgroup exists.",
                                     target_name(snapshot), limit, 100 * now, 100 * ever)
                               : fmt::format(
                                     "{} has been held back by its CPU quota ({}) in {:.0f} % of all periods since the "
                                     "cgroup exists, though not in this run.",
                                     target_name(snapshot), limit, 100 * ever);
  finding.detail += " While throttled, all its threads stand still for up to 100 ms at a time.";
  if (cgroup.cpu_periods && cgroup.cpu_throttled_periods)
    finding.evidence.push_back(control_file_evidence(
        snapshot, {"cpu.stat"},
        fmt::format("nr_periods {} nr_throttled {}", *cgroup.cpu_periods, *cgroup.cpu_throttled_periods)));
  if (cgroup.cpu_limit_cores)
    finding.evidence.push_back(control_file_evidence(snapshot, {"cpu.max", "cpu.cfs_quota_us"},
                                                     fmt::format("{:g} cores", *cgroup.cpu_limit_cores)));
  if (cgroup.cpu_pressure && cgroup.cpu_pressure->some)
    finding.evidence.push_back(
        pressure_evidence(raw_process(snapshot, "cgroup.bundle"), "some", *cgroup.cpu_pressure->some));
  return {finding};
}

}  // namespace ec::rules
