#include "collector/collectors/process.h"

#include "collector/collectors/host_constants.h"
#include "collector/collectors/process_files.h"
#include "collector/collectors/process_rates.h"
#include "collector/proc/capabilities.h"
#include "collector/proc/pid_stat.h"
#include "collector/proc/pid_status.h"
#include "collector/proc/signals.h"
#include "collector/proc/statm.h"

namespace ec {

void gather_process(GatherContext& context) {
  if (!context.target) return;
  for (const ProcessFile& file :
       {ProcessFile{"stat"}, ProcessFile{"status"}, ProcessFile{"statm", Redact::kNothing},
        ProcessFile{"io", Redact::kNothing, true}, ProcessFile{"schedstat", Redact::kNothing, true}})
    store_process_file(context, file);
  // A leader that has ended says nothing about memory, signals and capabilities; a thread that lives does.
  if (context.target->live_tid > 0 && context.target->live_tid != context.target->pid) {
    std::string shown = fmt::format("{}/status", live_directory(*context.target));
    context.out.touch(shown);
    context.out.file(raw_path(context.reading, process_path(context.target->pid, "live_status")), shown);
  }
}

namespace {

void fill_memory(ProcessStatus& status, const PidStatus& text) {
  status.vm_size_bytes = text.vm_size_bytes;
  status.vm_peak_bytes = text.vm_peak_bytes;
  status.rss_bytes = text.rss_bytes;
  status.rss_peak_bytes = text.rss_peak_bytes;
  status.rss_anon_bytes = text.rss_anon_bytes;
  status.rss_file_bytes = text.rss_file_bytes;
  status.rss_shmem_bytes = text.rss_shmem_bytes;
  status.swap_bytes = text.swap_bytes;
  status.locked_bytes = text.locked_bytes;
  status.page_table_bytes = text.page_table_bytes;
}

void fill_security(ProcessStatus& status, const PidStatus& text) {
  if (text.no_new_privs) status.no_new_privs = *text.no_new_privs ? "on" : "off";
  status.seccomp = seccomp_words(text);
  status.speculation = text.speculation_store_bypass;
  status.capabilities_effective = capability_names(text.capabilities_effective);
  status.capabilities_bounding = capability_names(text.capabilities_bounding);
  status.signals_blocked = signal_names(text.signals_blocked);
  status.signals_ignored = signal_names(text.signals_ignored);
  status.signals_caught = signal_names(text.signals_caught);
}

void fill_stat(ProcessStatus& status, const PidStat& stat, const HostConstants& constants) {
  auto ticks = static_cast<double>(constants.clock_ticks);
  status.pid = stat.pid;
  status.ppid = stat.ppid;
  status.pgid = stat.pgrp;
  status.sid = stat.session;
  status.comm = stat.comm;
  status.state = stat.state;
  status.threads = stat.threads;
  status.start_ticks = stat.start_ticks;
  if (constants.boottime_ns > 0)
    status.age_seconds =
        static_cast<double>(constants.boottime_ns) / 1e9 - static_cast<double>(stat.start_ticks) / ticks;
  if (status.age_seconds < 0) status.age_seconds = 0;  // ticks are coarse: a process just born
  status.user_cpu_seconds = static_cast<double>(stat.user_ticks) / ticks;
  status.system_cpu_seconds = static_cast<double>(stat.system_ticks) / ticks;
  status.minor_faults = stat.minor_faults;
  status.major_faults = stat.major_faults;
  status.nice = stat.nice;
  status.priority = stat.priority;
  status.scheduler = scheduler_name(stat.policy);
  status.kernel_thread = stat.kernel_thread();
}

Result<ProcessStatus> read_status(const RawStore& store, int pid) {
  std::string stat_path = raw_path(Reading::kFirst, process_path(pid, "stat"));
  std::string status_path = raw_path(Reading::kFirst, process_path(pid, "status"));
  auto stat_text = store.read(stat_path), status_text = store.read(status_path);
  if (!stat_text) return tl::unexpected(stat_text.error());
  if (!status_text) return tl::unexpected(status_text.error());
  auto stat = parse_pid_stat(stat_path, *stat_text);
  if (!stat) return tl::unexpected(stat.error());
  auto text = parse_pid_status(status_path, *status_text);
  if (!text) return tl::unexpected(text.error());

  ProcessStatus status;
  fill_stat(status, *stat, host_constants(store));
  // Our own stack helper is a tracer for moments; one that is still there at the end is somebody else's.
  status.tracer_pid = text->tracer_pid;
  std::string latest_path = process_path(pid, "status");
  if (Reading latest = latest_reading(store, latest_path); latest != Reading::kFirst)
    if (auto again = store.read(raw_path(latest, latest_path)))
      if (auto parsed = parse_pid_status(latest_path, *again)) status.tracer_pid = parsed->tracer_pid;
  status.ns_pids = text->ns_pid;
  status.uid = text->uid[0];
  status.euid = text->uid[1];
  status.gid = text->gid[0];
  status.egid = text->gid[1];
  status.cpus_allowed = text->cpus_allowed;
  status.voluntary_switches = text->voluntary_switches;
  status.involuntary_switches = text->involuntary_switches;
  status.core_dumping = text->core_dumping.value_or(false);

  const PidStatus* living = &*text;
  std::string live_path = raw_path(Reading::kFirst, process_path(pid, "live_status"));
  auto live_text = store.read(live_path);
  auto live = live_text ? parse_pid_status(live_path, *live_text) : tl::unexpected(live_text.error());
  if (live && !text->has_memory) living = &*live;
  fill_memory(status, *living);
  fill_security(status, *living);
  return status;
}

}  // namespace

void parse_process(const RawStore& store, Snapshot& snapshot) {
  int pid = snapshot.target.pid;
  if (pid <= 0) return;
  snapshot.process.status = read_status(store, pid);
  snapshot.process.rates = process_rates(store, pid);
}

}  // namespace ec
