#include "collector/collectors/host_limits.h"

#include "collector/base/text.h"
#include "collector/collectors/host_readings.h"
#include "collector/proc/loadavg.h"

namespace ec {

namespace {

constexpr std::string_view kSettings = "raw/host/sysctl.bundle";

// Findings point to these, so each is an artifact of its own.
constexpr std::string_view kTotals[] = {"fs/file-nr", "kernel/pid_max", "kernel/threads-max"};

constexpr std::string_view kNames[] = {
    "fs/file-max",
    "fs/nr_open",
    "fs/aio-nr",
    "fs/aio-max-nr",
    "fs/inotify/max_user_instances",
    "fs/inotify/max_user_watches",
    "fs/epoll/max_user_watches",
    "fs/pipe-max-size",
    "fs/pipe-user-pages-soft",
    "fs/suid_dumpable",
    "kernel/core_pattern",
    "kernel/core_uses_pid",
    "kernel/hung_task_timeout_secs",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/perf_event_paranoid",
    "kernel/kptr_restrict",
    "kernel/dmesg_restrict",
    "kernel/yama/ptrace_scope",
    "kernel/numa_balancing",
    "kernel/randomize_va_space",
    "kernel/sched_rt_runtime_us",
    "kernel/unprivileged_userns_clone",
    "kernel/io_uring_disabled",
    "kernel/keys/maxkeys",
    "kernel/shmmax",
    "kernel/shmall",
    "kernel/sem",
    "vm/swappiness",
    "vm/overcommit_memory",
    "vm/overcommit_ratio",
    "vm/overcommit_kbytes",
    "vm/dirty_ratio",
    "vm/dirty_bytes",
    "vm/dirty_background_ratio",
    "vm/dirty_background_bytes",
    "vm/dirty_expire_centisecs",
    "vm/max_map_count",
    "vm/min_free_kbytes",
    "vm/watermark_scale_factor",
    "vm/vfs_cache_pressure",
    "vm/zone_reclaim_mode",
    "vm/nr_hugepages",
    "vm/panic_on_oom",
    "vm/oom_kill_allocating_task",
    "vm/compaction_proactiveness",
};

using Settings = std::map<std::string, std::string>;

// "vm/swappiness" → "vm.swappiness".
void add_setting(std::string_view path, std::string_view bytes, Settings& settings) {
  std::string name(path);
  for (char& c : name)
    if (c == '/') c = '.';
  settings.insert_or_assign(std::move(name), printable_line(trim(bytes), 200));
}

void add_settings(const RawStore& store, std::string_view bundle, Settings& settings) {
  for (const Section& section : store.bundle(bundle))
    if (!section.failed) add_setting(section.name, section.bytes, settings);
}

Part<uint64_t> number_of(const Part<Settings>& settings, const std::string& name, size_t field = 0) {
  if (!settings) return settings.why();
  auto found = settings->find(name);
  if (found == settings->end()) return Error{ErrorCode::kNotFound, std::string(kSettings), "no " + name, 0};
  FieldCursor fields(found->second);
  for (size_t i = 0; i < field; ++i) fields.word();
  auto value = fields.number<uint64_t>();
  if (!value) return Error{ErrorCode::kMalformed, fmt::format("{} {}", kSettings, name), "expected a number", 0};
  return *value;
}

}  // namespace

void gather_host_limits(GatherContext& context) {
  for (std::string_view name : kTotals) store_once(context, fmt::format("proc/sys/{}", name), Redact::kNothing);
  for (std::string_view name : kNames) {
    std::string file = fmt::format("/proc/sys/{}", name);
    context.out.touch(file);
    auto bytes = read_file(file, 64 * 1024);
    if (bytes)
      context.out.section(kSettings, name, *bytes);
    else
      context.out.failed_section(kSettings, name, bytes.error());
  }
}

void parse_host_limits(const RawStore& store, Snapshot& snapshot) {
  Host& host = snapshot.host;
  auto bundle = store.read(kSettings);
  if (bundle) {
    Settings settings;
    add_settings(store, kSettings, settings);
    constexpr std::string_view kFolder = "raw/proc/sys/";
    for (const std::string& artifact : store.list(kFolder))  // others' too: kernel.tainted, net.netfilter…
      if (auto text = store.read(artifact); text && artifact.find("/random/") == std::string::npos)
        add_setting(std::string_view(artifact).substr(kFolder.size()), *text, settings);
    host.sysctls = std::move(settings);
  } else {
    host.sysctls = bundle.error();
  }
  host.files_open = number_of(host.sysctls, "fs.file-nr");
  host.files_limit = number_of(host.sysctls, "fs.file-nr", 2);
  host.pids_limit = number_of(host.sysctls, "kernel.pid_max");
  host.threads_limit = number_of(host.sysctls, "kernel.threads-max");
  auto load = latest(store, "proc/loadavg", parse_loadavg);
  if (load)
    host.pids_used = load->tasks;
  else
    host.pids_used = load.error();
  if (host.sysctls) add_settings(store, "raw/host/net_sysctl.bundle", *host.sysctls);
}

}  // namespace ec
