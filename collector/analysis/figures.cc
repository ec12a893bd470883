#include <fmt/format.h>

#include <algorithm>

#include "collector/analysis/core_words.h"
#include "collector/analysis/coverage.h"
#include "collector/analysis/figure_list.h"
#include "collector/analysis/file_classes.h"
#include "collector/analysis/growth.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kMostTitles = 200;

std::string per_second(double bytes) { return human_bytes(bytes) + "/s"; }

// "postgres: shop app #.#.#.#(#) UPDATE waiting" of a process that rewrites its command line to say what it is at; ""
// of others.
std::string title_of(const RelatedProcess& process) {
  size_t colon = process.cmdline.find(": ");
  if (colon == std::string::npos || process.cmdline.find_first_of(" /") < colon) return {};
  std::string title;
  for (char c : trim(process.cmdline)) {
    bool digit = c >= '0' && c <= '9';
    if (!digit || !title.ends_with('#')) title += digit ? '#' : c;
  }
  return printable_line(title, 80);
}

// What the workers say that they do: the commonest first, then the youngest.
void titles_of_children(const std::vector<RelatedProcess>& children, FigureList& list) {
  struct Title {
    std::string text;
    uint64_t count = 0;
    double age_seconds = 0;
  };
  std::vector<Title> titles;
  for (const RelatedProcess& child : children) {
    std::string text = title_of(child);
    if (text.empty()) continue;
    auto known = std::find_if(titles.begin(), titles.end(), [&](const Title& title) { return title.text == text; });
    if (known == titles.end()) {
      if (titles.size() == kMostTitles) continue;
      known = titles.insert(titles.end(), Title{text, 0, child.age_seconds});
    }
    ++known->count;
    known->age_seconds = std::min(known->age_seconds, child.age_seconds);
  }
  if (titles.empty()) return;
  std::stable_sort(titles.begin(), titles.end(), [](const Title& a, const Title& b) {
    return a.count != b.count ? a.count > b.count : a.age_seconds < b.age_seconds;
  });
  std::vector<std::string> words;
  for (const Title& title : titles) words.push_back(fmt::format("{} × {}", title.count, title.text));
  list.add("process.child_titles", "children say", enumerate(words, 4), static_cast<double>(titles.size()), "count");
}

// Workers of a master: it may sleep while they burn.
void child_processes(const Snapshot& snapshot, FigureList& list) {
  if (!snapshot.process.children || snapshot.process.children->empty()) return;
  const auto& children = *snapshot.process.children;
  double rss = 0, cores = 0;
  uint64_t zombies = 0;
  for (const RelatedProcess& child : children) {
    rss += static_cast<double>(child.rss_bytes);
    if (child.state == 'Z') ++zombies;
  }
  if (snapshot.host.processes)
    for (const HostProcess& process : *snapshot.host.processes)
      if (process.ppid == snapshot.target.pid) cores += process.cpu_cores;
  std::string text = fmt::format("{}, {:.2f} cores, {} resident", children.size(), cores, human_bytes(rss));
  if (zombies) text += fmt::format(", {} of them zombies", zombies);
  list.add("process.children", "child processes", text, static_cast<double>(children.size()), "count",
           mark_of(static_cast<double>(zombies), 1, 50));
  titles_of_children(children, list);
}

void target_core(const Snapshot& snapshot, FigureList& list) {
  const CoreFacts& core = *snapshot.core;
  auto bytes = [](uint64_t count) { return human_bytes(static_cast<double>(count)); };
  bool cut = core.missing_bytes > 0;
  std::string text = cut ? fmt::format("{} of {}: cut short", bytes(core.file_bytes), bytes(core.whole_bytes))
                         : bytes(core.file_bytes);
  list.add("core.bytes", "core file", text, static_cast<double>(core.file_bytes), "bytes",
           cut ? Mark::kWarning : Mark::kNormal);
  list.add("core.signal", "signal", signal_words(snapshot), core.signal, "number",
           ended_by_signal(core) ? Mark::kBad : Mark::kNormal);
  if (snapshot.threads) {
    double cpu = 0;
    for (const Thread& thread : *snapshot.threads) cpu += thread.user_cpu_seconds + thread.system_cpu_seconds;
    list.add("core.threads", "threads", std::to_string(snapshot.threads->size()),
             static_cast<double>(snapshot.threads->size()), "count");
    list.add("core.cpu_seconds", "CPU used", human_duration(cpu), cpu, "seconds");
  }
}

void target_cpu(const Snapshot& snapshot, FigureList& list) {
  auto& process = snapshot.process;
  double usable = usable_cores(snapshot);
  if (process.rates) {
    auto& rates = *process.rates;
    std::string text = usable > 0 ? fmt::format("{:.2f} of {:g} cores", rates.cpu_cores, usable)
                                  : fmt::format("{:.2f} cores", rates.cpu_cores);
    text += fmt::format(" (user {:.2f}, system {:.2f})", rates.user_cores, rates.system_cores);
    list.add("process.cpu_cores", "CPU", text, rates.cpu_cores, "cores",
             usable > 0 ? mark_of(ratio(rates.cpu_cores, usable), 0.7, 0.9) : Mark::kNormal);
    if (rates.run_delay >= 0.005)
      list.add("process.run_delay", "waits for a CPU", fmt::format("{:.2f} s per second, all threads", rates.run_delay),
               rates.run_delay, "ratio", mark_of(rates.run_delay, 0.5, 2));
  }
  if (!process.cgroup) return;
  auto& cgroup = *process.cgroup;
  // The quota is for all in the cgroup: workers may use up what the target is then denied.
  if (cgroup.cpu_limit_cores && cgroup.cpu_cores)
    list.add("process.cgroup_cpu_cores", "cgroup CPU",
             fmt::format("{:.2f} of {:g} cores", *cgroup.cpu_cores, *cgroup.cpu_limit_cores), *cgroup.cpu_cores,
             "cores", mark_of(ratio(*cgroup.cpu_cores, *cgroup.cpu_limit_cores), 0.7, 0.9));
  if (cgroup.cpu_limit_cores && cgroup.throttled_share)
    list.add("process.throttled_share", "throttled",
             fmt::format("{:.0f} % of the periods, quota {:g} cores", 100 * *cgroup.throttled_share,
                         *cgroup.cpu_limit_cores),
             *cgroup.throttled_share, "ratio", mark_of(*cgroup.throttled_share, 0.1, 0.25));
}

void target_memory(const Snapshot& snapshot, FigureList& list) {
  auto& process = snapshot.process;
  if (process.status && !absent_by_nature(snapshot)) {
    auto& status = *process.status;
    std::string text =
        fmt::format("{} resident (anonymous {}, file {})", human_bytes(static_cast<double>(status.rss_bytes)),
                    human_bytes(static_cast<double>(status.rss_anon_bytes)),
                    human_bytes(static_cast<double>(status.rss_file_bytes)));
    if (status.swap_bytes > 0) text += fmt::format(", {} in swap", human_bytes(static_cast<double>(status.swap_bytes)));
    list.add("process.rss_bytes", "memory", text, static_cast<double>(status.rss_bytes), "bytes");
  }
  if (!process.cgroup || !process.cgroup->memory_limit_bytes || !process.cgroup->memory_current_bytes) return;
  auto& cgroup = *process.cgroup;
  uint64_t working_set = *cgroup.memory_current_bytes -
                         std::min(cgroup.memory_inactive_file_bytes.value_or(0), *cgroup.memory_current_bytes);
  double share = ratio(working_set, *cgroup.memory_limit_bytes);
  list.add("process.cgroup_memory", "cgroup memory", share_of_bytes(working_set, *cgroup.memory_limit_bytes), share,
           "ratio", mark_of(share, 0.8, 0.95));
}

void target_files(const Snapshot& snapshot, FigureList& list) {
  auto limit = soft_limit(snapshot, "Max open files");
  if (snapshot.files && !absent_by_nature(snapshot)) {
    auto& files = *snapshot.files;
    list.add("process.open_files", "open files", limit ? share_of(files.count, *limit) : fmt::format("{}", files.count),
             static_cast<double>(files.count), "count",
             limit ? mark_of(ratio(files.count, *limit), 0.8, 0.9) : Mark::kNormal);
    std::string states;
    for (auto& [state, count] : tcp_states(files)) {
      states += fmt::format("{}{} {}", states.empty() ? "" : ", ", state, count);
      list.add("process.tcp." + state, "TCP " + state, std::to_string(count), static_cast<double>(count), "count",
               state == "CLOSE_WAIT" ? mark_of(static_cast<double>(count), 20, 100) : Mark::kNormal);
    }
  }
  if (snapshot.process.status) {
    auto& status = *snapshot.process.status;
    list.add("process.threads", "threads", std::to_string(status.threads), static_cast<double>(status.threads),
             "count");
  }
  child_processes(snapshot, list);
  if (snapshot.process.cgroup && snapshot.process.cgroup->pids_current && snapshot.process.cgroup->pids_limit) {
    auto& cgroup = *snapshot.process.cgroup;
    double share = ratio(*cgroup.pids_current, *cgroup.pids_limit);
    list.add("process.cgroup_pids", "cgroup tasks", share_of(*cgroup.pids_current, *cgroup.pids_limit), share, "ratio",
             mark_of(share, 0.8, 0.9));
  }
}

void target_rates(const Snapshot& snapshot, FigureList& list) {
  if (snapshot.process.rates) {
    auto& rates = *snapshot.process.rates;
    if (rates.has_io) {
      list.add("process.read_bytes", "reads from storage", per_second(rates.read_bytes), rates.read_bytes, "bytes/s");
      list.add("process.write_bytes", "writes to storage", per_second(rates.write_bytes), rates.write_bytes, "bytes/s");
    }
    list.add("process.major_faults", "page faults",
             fmt::format("{:.0f} major/s, {:.0f} minor/s", rates.major_faults, rates.minor_faults), rates.major_faults,
             "1/s", mark_of(rates.major_faults, 100, 1000));
    list.add("process.context_switches", "context switches",
             fmt::format("{:.0f}/s voluntary, {:.0f}/s forced", rates.voluntary_switches, rates.involuntary_switches),
             rates.voluntary_switches + rates.involuntary_switches, "1/s");
  }
  if (snapshot.process.status)
    list.add("process.age_seconds", "running for", human_duration(snapshot.process.status->age_seconds),
             snapshot.process.status->age_seconds, "s",
             snapshot.process.status->age_seconds < 60 && snapshot.process.status->start_ticks != 0 ? Mark::kWarning
                                                                                                    : Mark::kNormal);
}

void host_cpu(const Snapshot& snapshot, FigureList& list) {
  auto& host = snapshot.host;
  if (host.load) {
    auto& load = *host.load;
    double per_cpu = load.cpus_online > 0 ? load.load1 / load.cpus_online : 0;
    list.add("host.load1", "load",
             fmt::format("{:.2f} {:.2f} {:.2f} on {}", load.load1, load.load5, load.load15,
                         counted(static_cast<uint64_t>(std::max(load.cpus_online, 0)), "CPU")),
             load.load1, "tasks", mark_of(per_cpu, 1.5, 4));
    list.add("host.uptime_seconds", "up for", human_duration(load.uptime_seconds), load.uptime_seconds, "s");
    if (load.blocked > 0)
      list.add("host.blocked_tasks", "blocked tasks", std::to_string(load.blocked), static_cast<double>(load.blocked),
               "count", mark_of(static_cast<double>(load.blocked), 4, 16));
  }
  if (host.cpu && !host.cpu->empty()) {
    auto& cpu = host.cpu->front();
    list.add("host.cpu_busy_percent", "CPU",
             fmt::format("user {:.0f} %, system {:.0f} %, I/O wait {:.0f} %, stolen {:.0f} %, idle {:.0f} %",
                         cpu.user + cpu.nice, cpu.system + cpu.irq + cpu.softirq, cpu.iowait, cpu.steal, cpu.idle),
             100 - cpu.idle - cpu.iowait, "%", mark_of(100 - cpu.idle - cpu.iowait, 80, 95));
  }
}

void host_memory(const Snapshot& snapshot, FigureList& list) {
  auto& host = snapshot.host;
  if (host.memory && host.memory->total > 0) {
    auto& memory = *host.memory;
    double share = ratio(memory.available, memory.total);
    list.add("host.memory_available", "memory",
             fmt::format("{} of {} available ({:.0f} %)", human_bytes(static_cast<double>(memory.available)),
                         human_bytes(static_cast<double>(memory.total)), 100 * share),
             static_cast<double>(memory.available), "bytes",
             share <= 0.05   ? Mark::kBad
             : share <= 0.10 ? Mark::kWarning
                             : Mark::kNormal);
    if (memory.swap_total > 0) {
      uint64_t used = memory.swap_total - std::min(memory.swap_free, memory.swap_total);
      list.add("host.swap_used", "swap", share_of_bytes(used, memory.swap_total), static_cast<double>(used), "bytes",
               mark_of(ratio(used, memory.swap_total), 0.5, 0.9));
    } else {
      list.add("host.swap_used", "swap", "none", 0, "bytes");
    }
  }
  if (host.vm && (host.vm->swap_in >= 1 || host.vm->swap_out >= 1))
    list.add("host.swap_in", "swapping",
             fmt::format("{:.0f} pages/s in, {:.0f} out", host.vm->swap_in, host.vm->swap_out), host.vm->swap_in, "1/s",
             mark_of(host.vm->swap_in, 50, 500));
}

void host_pressure(const Snapshot& snapshot, FigureList& list) {
  auto add = [&](const char* name, const Part<Pressure>& pressure, double warning, double bad) {
    if (!pressure || !pressure->some) return;
    std::string text = fmt::format("some {:.1f} %", pressure->some->avg10);
    if (pressure->full) text += fmt::format(", full {:.1f} %", pressure->full->avg10);
    list.add(fmt::format("host.pressure.{}", name), fmt::format("{} pressure", name), text + " (last 10 s)",
             pressure->some->avg10, "%", mark_of(pressure->some->avg10, warning, bad));
  };
  add("cpu", snapshot.host.cpu_pressure, 25, 60);
  add("memory", snapshot.host.memory_pressure, 5, 20);
  add("io", snapshot.host.io_pressure, 20, 50);
}

void host_devices(const Snapshot& snapshot, FigureList& list) {
  auto& host = snapshot.host;
  if (host.disks && !host.disks->empty()) {
    auto busiest = std::max_element(host.disks->begin(), host.disks->end(),
                                    [](auto& a, auto& b) { return a.busy_percent < b.busy_percent; });
    list.add("host.disk_busy_percent", "busiest disk",
             fmt::format("{} {:.0f} % busy, {:.0f} reads/s, {:.0f} writes/s, waits {:.1f}/{:.1f} ms",
                         in_sentence(busiest->device, 32), busiest->busy_percent, busiest->reads, busiest->writes,
                         busiest->read_wait_ms, busiest->write_wait_ms),
             busiest->busy_percent, "%", mark_of(busiest->busy_percent, 80, 95));
  }
  if (host.interfaces && !host.interfaces->empty()) {
    double received = 0, sent = 0, drops = 0;
    for (auto& interface : *host.interfaces)
      if (interface.name != "lo")
        received += interface.rx_bytes, sent += interface.tx_bytes,
            drops += interface.rx_drops + interface.tx_drops + interface.rx_errors + interface.tx_errors;
    list.add("host.network_bytes", "network",
             fmt::format("{} in, {} out{}", per_second(received), per_second(sent),
                         drops >= 1 ? fmt::format(", {:.0f} drops and errors/s", drops) : ""),
             received + sent, "bytes/s", mark_of(drops, 10, 1000));
  }
  if (host.tcp) {
    auto& tcp = *host.tcp;
    double share = retransmitted_share(tcp);
    bool enough = tcp.out_segments >= 200;
    list.add("host.tcp_retransmit_ratio", "TCP",
             fmt::format("{:.0f} segments/s out, {:.0f}/s sent again ({:.1f} %), {:.1f}/s failed connects",
                         tcp.out_segments, tcp.retransmitted, 100 * share, tcp.attempt_fails),
             share, "ratio", enough ? mark_of(share, 0.02, 0.05) : Mark::kNormal);
  }
}

void growth(const Snapshot& snapshot, FigureList& list) {
  for (const Growth& growth : growths(snapshot))
    list.add(fmt::format("growth.{}", gauge_key(growth.gauge)), std::string(gauge_label(growth.gauge)),
             growth_words(growth), growth.trend.per_minute, "1/min",
             growth.trend.growing() ? Mark::kWarning : Mark::kNormal);
}

}  // namespace

std::vector<Figure> figures(const Snapshot& snapshot) {
  FigureList target("Target"), host("Host"), run("Runtime"), grown("Growth");
  if (snapshot.target.pid != 0 && !snapshot.core) {
    target_cpu(snapshot, target);
    target_memory(snapshot, target);
    target_files(snapshot, target);
    target_rates(snapshot, target);
  }
  if (snapshot.core) target_core(snapshot, target);
  host_cpu(snapshot, host);
  host_memory(snapshot, host);
  host_pressure(snapshot, host);
  host_devices(snapshot, host);
  runtime_figures(snapshot, run);
  growth(snapshot, grown);
  std::vector<Figure> all;
  for (auto* list : {&target, &host, &run, &grown}) list->move_to(all);
  return all;
}

}  // namespace ec
