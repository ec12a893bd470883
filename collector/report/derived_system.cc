#include <fmt/format.h>

#include <iterator>

#include "collector/analysis/words.h"
#include "collector/base/clock.h"
#include "collector/base/text.h"
#include "collector/report/derived.h"
#include "collector/report/text_layout.h"

namespace ec::derived {

namespace {

using Out = std::back_insert_iterator<std::string>;

std::string rate(double value) { return value >= 100 ? fmt::format("{:.0f}", value) : fmt::format("{:.1f}", value); }
std::string bytes(double value) { return human_bytes(value); }
std::string percent(double value) { return fmt::format("{:.1f}", value); }

void fact(std::string& text, const char* name, std::string_view value) {
  fmt::format_to(Out(text), "{:<18} {}\n", name, plain_line(value, 1000));
}

void used_of(std::string& text, const char* name, const Part<uint64_t>& used, const Part<uint64_t>& limit) {
  if (used && limit)
    fact(text, name, share_of(*used, *limit));
  else if (used)
    fact(text, name, std::to_string(*used));
}

void time_and_logins(std::string& text, const Host& host) {
  if (host.time_sync) {
    auto& sync = *host.time_sync;
    fact(text, "clock",
         fmt::format("{}, offset {:.3f} ms, maximum error {:.0f} ms, source {}{}",
                     sync.synchronised ? "synchronised" : "NOT synchronised", sync.offset_ms, sync.max_error_ms,
                     sync.clock_source, sync.daemon.empty() ? "" : ", by " + sync.daemon));
  }
  if (host.logins)
    for (auto& login : *host.logins)
      fact(text, "logged in",
           fmt::format("{} on {} {} since {}", login.user, login.terminal,
                       login.from.empty() ? "" : "from " + login.from, rfc3339(login.since * 1'000'000'000)));
  if (host.taint)
    fact(text, "kernel taint", host.taint->empty() ? "none" : fmt::format("{}", fmt::join(*host.taint, ", ")));
}

std::string overview_txt(const Snapshot& snapshot) {
  auto& host = snapshot.host;
  std::string text;
  fact(text, "host", host.name);
  fact(text, "system",
       fmt::format("{}, kernel {}, {}{}", host.distribution, host.kernel, host.architecture,
                   host.virtualisation.empty() ? "" : ", on " + host.virtualisation));
  if (host.load) {
    fact(text, "uptime", human_duration(host.load->uptime_seconds));
    fact(text, "load",
         fmt::format("{:.2f} {:.2f} {:.2f}, {} running of {}, {} blocked, {} CPUs", host.load->load1, host.load->load5,
                     host.load->load15, host.load->running, host.load->tasks, host.load->blocked,
                     host.load->cpus_online));
  }
  if (host.tasks_by_state) {
    std::string states;
    for (auto& [state, count] : *host.tasks_by_state)
      states += fmt::format("{}{} {}", states.empty() ? "" : ", ", state, count);
    fact(text, "processes by state", states);
  }
  used_of(text, "open files", host.files_open, host.files_limit);
  used_of(text, "process ids", host.pids_used, host.pids_limit);
  used_of(text, "threads", host.pids_used, host.threads_limit);
  used_of(text, "conntrack", host.conntrack_used, host.conntrack_limit);
  time_and_logins(text, host);
  for (auto& figure : figures(snapshot))
    if (figure.group == "Host" && figure.mark != Figure::Mark::kNormal)
      fact(text, "out of range", figure.label + ": " + figure.text);
  return text;
}

std::string cpu_txt(const Host& host) {
  std::string text = "percent of the time between the two readings (as mpstat -P ALL)\n";
  TextTable table({"cpu", ">user", ">nice", ">system", ">iowait", ">irq", ">softirq", ">steal", ">guest", ">idle"});
  for (auto& cpu : *host.cpu)
    table.row({cpu.cpu, percent(cpu.user), percent(cpu.nice), percent(cpu.system), percent(cpu.iowait),
               percent(cpu.irq), percent(cpu.softirq), percent(cpu.steal), percent(cpu.guest), percent(cpu.idle)});
  text += table.text();
  if (host.interrupts && !host.interrupts->empty()) {
    TextTable interrupts({">per second", "interrupt"});
    for (auto& [name, each] : *host.interrupts) interrupts.row({rate(each), name});
    text += "\n" + interrupts.text();
  }
  if (host.numa)
    for (auto& line : *host.numa) text += plain_line(line, 300) + "\n";
  return text;
}

std::string memory_txt(const Host& host) {
  auto& memory = *host.memory;
  TextTable table({"", ">", ">bytes"});
  auto add = [&](const char* name, uint64_t value) {
    table.row({name, bytes(static_cast<double>(value)), std::to_string(value)});
  };
  add("total", memory.total), add("available", memory.available), add("free", memory.free),
      add("buffers", memory.buffers), add("cached", memory.cached), add("anonymous", memory.anon);
  add("shared memory", memory.shmem), add("slab", memory.slab), add("slab, not reclaimable", memory.slab_unreclaimable),
      add("dirty", memory.dirty), add("being written", memory.writeback);
  add("page tables", memory.page_tables), add("kernel stacks", memory.kernel_stack), add("locked", memory.mlocked),
      add("swap, total", memory.swap_total), add("swap, free", memory.swap_free);
  add("committed", memory.committed), add("commit limit", memory.commit_limit);
  std::string text = table.text();
  if (memory.huge_pages_total > 0)
    fmt::format_to(Out(text), "huge pages {} of {} free, {} each\n", memory.huge_pages_free, memory.huge_pages_total,
                   bytes(static_cast<double>(memory.huge_page_size)));
  if (host.vm) {
    auto& vm = *host.vm;
    fmt::format_to(Out(text),
                   "\nper second (as vmstat)\nswap in {} pages, out {} pages; paged in {} KiB, out {} KiB\nmajor "
                   "faults {}, faults {}; scanned by kswapd {}, directly {}; allocation stalls {}\n",
                   rate(vm.swap_in), rate(vm.swap_out), rate(vm.page_in_kib), rate(vm.page_out_kib),
                   rate(vm.major_faults), rate(vm.faults), rate(vm.kswapd_scan), rate(vm.direct_reclaim_scan),
                   rate(vm.allocation_stalls));
    fmt::format_to(Out(text), "context switches {}, interrupts {}, forks {}\n", rate(vm.context_switches),
                   rate(vm.interrupts), rate(vm.forks));
    if (vm.oom_kills_since_boot) fmt::format_to(Out(text), "OOM kills since boot {}\n", *vm.oom_kills_since_boot);
  }
  return text;
}

void pressure_rows(TextTable& table, const char* who, const char* what, const Part<Pressure>& pressure) {
  if (!pressure) return;
  auto add = [&](const char* kind, const std::optional<PressureLine>& line) {
    if (line)
      table.row({who, what, kind, percent(line->avg10), percent(line->avg60), percent(line->avg300),
                 std::to_string(line->total_us / 1000)});
  };
  add("some", pressure->some);
  add("full", pressure->full);
}

std::string pressure_txt(const Snapshot& snapshot) {
  TextTable table({"of", "resource", "kind", ">last 10 s %", ">60 s %", ">300 s %", ">total ms"});
  pressure_rows(table, "host", "cpu", snapshot.host.cpu_pressure);
  pressure_rows(table, "host", "memory", snapshot.host.memory_pressure);
  pressure_rows(table, "host", "io", snapshot.host.io_pressure);
  if (snapshot.process.cgroup) {
    pressure_rows(table, "cgroup of the target", "cpu", snapshot.process.cgroup->cpu_pressure);
    pressure_rows(table, "cgroup of the target", "memory", snapshot.process.cgroup->memory_pressure);
    pressure_rows(table, "cgroup of the target", "io", snapshot.process.cgroup->io_pressure);
  }
  return table.rows() > 0 ? table.text() : "";
}

std::string disks_txt(const std::vector<DiskRates>& disks) {
  TextTable table({"device", ">reads/s", ">writes/s", ">read/s", ">written/s", ">r_await ms", ">w_await ms", ">queue",
                   ">busy %", ">discards/s", ">flushes/s"});
  for (auto& disk : disks)
    table.row({disk.device, rate(disk.reads), rate(disk.writes), bytes(disk.read_bytes), bytes(disk.write_bytes),
               rate(disk.read_wait_ms), rate(disk.write_wait_ms), rate(disk.queue), percent(disk.busy_percent),
               rate(disk.discards), rate(disk.flushes)});
  return "between the two readings (as iostat -xz)\n" + table.text();
}

std::string filesystems_txt(const std::vector<Filesystem>& filesystems) {
  TextTable table(
      {"mounted on", "type", "source", ">size", ">available", ">used %", ">inodes used %", "notes", "options"});
  auto size = [](const Part<uint64_t>& part) { return part ? bytes(static_cast<double>(*part)) : std::string("?"); };
  for (auto& filesystem : filesystems) {
    std::string notes = filesystem.hung ? "HUNG" : "";
    if (filesystem.used_by_target) notes += notes.empty() ? "used by the target" : ", used by the target";
    if (filesystem.read_only) notes += notes.empty() ? "read-only" : ", read-only";
    if (!filesystem.size_bytes && !filesystem.hung)
      notes += (notes.empty() ? "" : ", ") + filesystem.size_bytes.why().message();
    table.row({filesystem.mount_point, filesystem.type, filesystem.source, size(filesystem.size_bytes),
               size(filesystem.available_bytes), percent(filesystem.used_percent()),
               percent(filesystem.inodes_used_percent()), notes, filesystem.options});
  }
  return table.text();
}

}  // namespace

void system_resources(const Snapshot& snapshot, Artifacts& out) {
  auto& host = snapshot.host;
  if (host.load || host.memory)
    out.push_back({"system/overview.txt", "raw/proc/loadavg, raw/proc/uptime, raw/host", overview_txt(snapshot)});
  if (host.cpu)
    out.push_back({"system/cpu.txt", "raw/proc/stat, raw/second/proc/stat, raw/proc/interrupts", cpu_txt(host)});
  if (host.memory) out.push_back({"system/memory.txt", "raw/proc/meminfo, raw/proc/vmstat", memory_txt(host)});
  if (auto text = pressure_txt(snapshot); !text.empty())
    out.push_back({"system/pressure.txt", "raw/proc/pressure", std::move(text)});
  if (host.disks)
    out.push_back({"system/disks.txt", "raw/proc/diskstats, raw/second/proc/diskstats", disks_txt(*host.disks)});
  if (host.filesystems)
    out.push_back({"system/filesystems.txt", "mountinfo, statvfs", filesystems_txt(*host.filesystems)});
}

}  // namespace ec::derived
