#include <algorithm>
#include <iterator>

#include "collector/collectors/collector.h"
#include "collector/collectors/core.h"
#include "collector/collectors/cpu_profile.h"
#include "collector/collectors/endpoint.h"
#include "collector/collectors/endpoint_gauges.h"
#include "collector/collectors/executable.h"
#include "collector/collectors/filesystems.h"
#include "collector/collectors/forensics.h"
#include "collector/collectors/gauges.h"
#include "collector/collectors/goroutines.h"
#include "collector/collectors/host_cpu.h"
#include "collector/collectors/host_disks.h"
#include "collector/collectors/host_limits.h"
#include "collector/collectors/host_logins.h"
#include "collector/collectors/host_memory.h"
#include "collector/collectors/host_pressure.h"
#include "collector/collectors/host_system.h"
#include "collector/collectors/host_time.h"
#include "collector/collectors/jvm.h"
#include "collector/collectors/kernel_log.h"
#include "collector/collectors/logs.h"
#include "collector/collectors/network.h"
#include "collector/collectors/open_files.h"
#include "collector/collectors/page_faults.h"
#include "collector/collectors/process.h"
#include "collector/collectors/processes.h"
#include "collector/collectors/python.h"
#include "collector/collectors/samples.h"
#include "collector/collectors/sockets.h"
#include "collector/collectors/stacks.h"
#include "collector/collectors/threads.h"

namespace ec {

namespace {

// Rows by lane, most volatile first. See collector.h for the meaning of the columns.
constexpr Collector kTable[] = {
    {"threads", "every thread: state, CPU, run delay, wait channel, system call in words, kernel stack",
     "/proc/PID/task/TID/{stat,schedstat,status,wchan,syscall,stack}, proc(5)", 1, Tier::kT0, Lane::kStacks,
     milliseconds{2000}, 64u << 20, "CAP_SYS_PTRACE for system calls, CAP_SYS_ADMIN for kernel stacks", "", true, true,
     false, gather_threads, parse_threads},
    {"core", "what a core file (--core) tells: the signal, registers, threads, programs that are no longer on disk",
     "core(5)", 1, Tier::kT0, Lane::kStacks, milliseconds{5000}, 64u << 20, "", "arguments", false, true, false,
     gather_core, parse_core, "", Collector::Cores::kOnly},
    {"stacks", "user stacks of all threads with function names; blocked threads are read without a stop",
     "/proc/PID/task/TID/syscall, process_vm_readv(2), ptrace(2), files of /proc/PID/maps", 1, Tier::kT3, Lane::kStacks,
     milliseconds{3000}, 64u << 20, "CAP_SYS_PTRACE for other users' processes, CAP_SYS_ADMIN for replaced files", "",
     false, true, false, gather_stacks, parse_stacks, "threads", Collector::Cores::kAlso},
    {"python", "Python frames of all threads with file and line, and who holds the GIL; read without a stop",
     "process_vm_readv(2), files of /proc/PID/maps", 1, Tier::kT1, Lane::kStacks, milliseconds{1500}, 64u << 20,
     "CAP_SYS_PTRACE for other users' processes, CAP_SYS_ADMIN for replaced files", "paths", false, true, false,
     gather_python, parse_python, "stacks", Collector::Cores::kAlso},
    {"goroutines", "every goroutine of a Go program: state, what it waits for and how long, stack, creator",
     "process_vm_readv(2), /proc/PID/exe", 1, Tier::kT1, Lane::kStacks, milliseconds{3000}, 64u << 20,
     "CAP_SYS_PTRACE for other users' processes", "", false, true, false, gather_goroutines, parse_goroutines, "",
     Collector::Cores::kAlso},
    {"jvm",
     "Java threads, their states, stacks, monitors and deadlocks: the thread dump of a JVM that has an attach socket",
     "attach socket /tmp/.java_pidN in the target's root, unix(7)", 1, Tier::kT2, Lane::kStacks, milliseconds{9000},
     64u << 20, "the JVM's own user, or root", "text", false, true, false, gather_jvm, parse_jvm, "threads"},
    {"samples", "user stacks again and again (--samples, --every): which threads move, and where they are",
     "/proc/PID/task/TID/{syscall,schedstat}, process_vm_readv(2), ptrace(2)", 9, Tier::kT3, Lane::kStacks,
     milliseconds{86'400'000}, 512u << 20, "CAP_SYS_PTRACE for other users' processes", "", false, true, true,
     gather_samples, parse_samples},
    {"process", "the process's own counters: state, CPU, memory, faults, IO, run delay",
     "/proc/PID/{stat,status,statm,io,schedstat}, proc(5)", 2, Tier::kT0, Lane::kMain, milliseconds{500}, 1u << 20,
     "CAP_SYS_PTRACE for the IO of other users' processes", "", true, true, false, gather_process, parse_process},
    {"cgroup", "cgroups of the process and all above them: limits, usage, throttling, OOM kills, pressure",
     "/proc/PID/cgroup, cgroups(7)", 3, Tier::kT0, Lane::kMain, milliseconds{1000}, 8u << 20, "", "", true, true, false,
     gather_cgroup, parse_cgroup},
    {"process_facts", "limits, OOM score, timers, user, security state, what it waits for",
     "/proc/PID/{limits,oom_score,timers,wchan,attr/current,uid_map,…}, proc(5)", 3, Tier::kT0, Lane::kMain,
     milliseconds{2000}, 16u << 20, "CAP_SYS_PTRACE for the system call of other users' processes", "text", false, true,
     false, gather_process_facts, parse_process_facts},
    {"namespaces", "working directory, root and namespaces of the process, compared with ours",
     "/proc/PID/{cwd,root,exe,ns/*}, namespaces(7)", 3, Tier::kT0, Lane::kMain, milliseconds{500}, 1u << 20,
     "CAP_SYS_PTRACE for other users' processes", "paths", false, true, false, gather_namespaces, parse_namespaces},
    {"open_files", "every open descriptor: kind, path, flags, position, locks",
     "/proc/PID/fd, /proc/PID/fdinfo, proc(5)", 4, Tier::kT0, Lane::kMain, milliseconds{8000}, 64u << 20,
     "CAP_SYS_PTRACE for other users' processes", "paths", false, true, false, gather_open_files, parse_open_files},
    {"sockets", "sockets of the target's network namespace, their peers and listeners",
     "sock_diag(7) in the target's network namespace, /proc/*/fd", 4, Tier::kT0, Lane::kMain, milliseconds{5000},
     256u << 20, "CAP_SYS_ADMIN for another network namespace, CAP_SYS_PTRACE for other users' processes", "", false,
     false, false, gather_sockets, parse_sockets},
    {"process_memory", "mappings, arguments, environment and memory use: what needs the mmap lock of the process",
     "/proc/PID/{maps,cmdline,environ,smaps_rollup}, proc(5)", 4, Tier::kT1, Lane::kMain, milliseconds{5000}, 64u << 20,
     "CAP_SYS_PTRACE for other users' processes", "arguments, environment values", false, true, false,
     gather_process_memory, parse_process_memory},
    {"process_tree", "children, zombies included, and ancestors of the process",
     "/proc/PID/task/TID/children, /proc/*/{stat,cmdline}, proc(5)", 4, Tier::kT1, Lane::kMain, milliseconds{2000},
     16u << 20, "", "arguments", false, true, false, gather_process_tree, parse_process_tree},
    {"host_cpu", "load, CPU shares of every CPU, context switches, forks",
     "/proc/stat, /proc/loadavg, /proc/uptime, proc(5)", 5, Tier::kT0, Lane::kMain, milliseconds{200}, 4u << 20, "", "",
     true, false, false, gather_host_cpu, parse_host_cpu},
    {"host_memory", "memory, paging and reclaim rates, swap, NUMA nodes",
     "/proc/meminfo, /proc/vmstat, /sys/devices/system/node", 5, Tier::kT0, Lane::kMain, milliseconds{300}, 8u << 20,
     "", "", true, false, false, gather_host_memory, parse_host_memory},
    {"host_pressure", "pressure stall information of the host", "/proc/pressure, psi.rst", 5, Tier::kT0, Lane::kMain,
     milliseconds{200}, 1u << 20, "", "", true, false, false, gather_host_pressure, parse_host_pressure},
    {"host_disks", "rates, waits and queues of block devices", "/proc/diskstats, iostats.rst", 5, Tier::kT0,
     Lane::kMain, milliseconds{200}, 4u << 20, "", "", true, false, false, gather_host_disks, parse_host_disks},
    {"network", "interfaces, TCP and UDP counters, connection tracking, settings of the target's network namespace",
     "/proc/PID/net/{dev,snmp,netstat}, /proc/sys/net", 5, Tier::kT0, Lane::kMain, milliseconds{400}, 8u << 20,
     "CAP_SYS_ADMIN for the settings of another network namespace", "", true, false, false, gather_network,
     parse_network},
    {"host_interrupts", "interrupts and softirqs by source", "/proc/interrupts, /proc/softirqs, proc(5)", 5, Tier::kT0,
     Lane::kMain, milliseconds{300}, 32u << 20, "", "", true, false, false, gather_host_interrupts,
     parse_host_interrupts},
    {"kernel_log", "the newest 256 KiB of the kernel log, OOM kills", "/dev/kmsg, else syslog(2)", 6, Tier::kT0,
     Lane::kMain, milliseconds{500}, 1u << 20, "CAP_SYSLOG where kernel.dmesg_restrict is 1", "text", false, false,
     false, gather_kernel_log, parse_kernel_log},
    {"logs", "tails of the log files that the process writes, the journal of its unit, and their error lines",
     "/proc/PID/fd, /var/log/journal", 6, Tier::kT0, Lane::kMain, milliseconds{2000}, 4u << 20,
     "CAP_SYS_PTRACE for other users' processes, CAP_DAC_READ_SEARCH for their files", "text", false, true, false,
     gather_logs, parse_logs},
    {"host_time", "clock source and time synchronisation", "adjtimex(2), /sys/devices/system/clocksource", 6, Tier::kT0,
     Lane::kMain, milliseconds{200}, 1u << 20, "", "", false, false, false, gather_host_time, parse_host_time},
    {"host_limits", "open files, PIDs and threads of the host, kernel settings", "/proc/sys/{fs,kernel,vm}, proc(5)", 7,
     Tier::kT0, Lane::kMain, milliseconds{300}, 1u << 20, "", "text", false, false, false, gather_host_limits,
     parse_host_limits},
    {"host_logins", "who is logged in", "/run/utmp, utmp(5); /run/systemd/sessions", 8, Tier::kT0, Lane::kMain,
     milliseconds{200}, 2u << 20, "", "", false, false, false, gather_host_logins, parse_host_logins},
    {"host_system", "kernel, distribution, virtualisation, taint, modules", "uname(2), /etc/os-release, /proc/modules",
     9, Tier::kT0, Lane::kMain, milliseconds{300}, 4u << 20, "", "text", false, false, false, gather_host_system,
     parse_host_system},
    {"executable", "which program it is, its version and package; files replaced or deleted since the start",
     "/proc/PID/exe, /proc/PID/maps, /var/lib/dpkg in the target's root", 9, Tier::kT1, Lane::kMain, milliseconds{1500},
     16u << 20, "CAP_SYS_PTRACE for other users' processes", "build settings", false, true, false, gather_executable,
     parse_executable},
    {"forensics", "code in writable or vanished files, preloaded libraries, programs without a file",
     "/proc/PID/maps, /proc/*/exe, /etc/ld.so.preload in the target's root", 9, Tier::kT0, Lane::kMain,
     milliseconds{500}, 4u << 20, "CAP_SYS_PTRACE for other users' processes", "paths", false, false, false,
     gather_forensics, parse_forensics},
    {"gauges", "memory, descriptors, threads, goroutines again and again (--samples, --every): what grows",
     "/proc/PID/{stat,statm,fd,maps}, process_vm_readv(2), cgroups(7)", 9, Tier::kT1, Lane::kMain,
     milliseconds{86'400'000}, 256u << 20, "CAP_SYS_PTRACE for other users' processes", "paths", false, true, true,
     gather_gauges, parse_gauges},
    {"processes", "every process: state, CPU, memory, IO, command line; tasks in uninterruptible sleep",
     "/proc/*/{stat,cmdline,io,exe}, /proc/PID/task/TID/{wchan,stack}", 5, Tier::kT1, Lane::kRisky, milliseconds{1000},
     128u << 20, "CAP_SYS_PTRACE for IO and executables, CAP_SYS_ADMIN for kernel stacks", "arguments", true, false,
     false, gather_processes, parse_processes},
    {"filesystems", "space and inodes of each filesystem that the target sees; mounts that hang",
     "/proc/PID/mountinfo, statfs(2)", 6, Tier::kT0, Lane::kRisky, milliseconds{2000}, 8u << 20,
     "CAP_SYS_PTRACE to walk the target's root", "paths", false, false, false, gather_filesystems, parse_filesystems},
    {"runtime", "goroutines, heap and GC figures, as far as one cheap GET tells",
     "listening sockets of the target, GET", 5, Tier::kT2, Lane::kEndpoint, milliseconds{600}, 16u << 20,
     "CAP_SYS_ADMIN for another network namespace", "JSON values", false, true, false, gather_runtime, parse_endpoints},
    {"endpoint", "debug endpoints: profiles, goroutines, runtime variables; CPU profile of --profile-seconds",
     "listening sockets of the target, GET", 9, Tier::kT2, Lane::kEndpoint, milliseconds{180'000}, 512u << 20,
     "CAP_SYS_ADMIN for another network namespace", "profiles, text and JSON bodies, arguments", false, true, true,
     gather_endpoint, parse_endpoints},
    {"runtime_gauges",
     "heap and goroutines that a Go program's endpoint tells of, again and again (--samples, --every)",
     "GET /debug/vars, /debug/pprof/", 9, Tier::kT2, Lane::kEndpoint, milliseconds{86'400'000}, 256u << 20, "",
     "profiles", false, true, true, gather_runtime_gauges, parse_runtime_gauges, "endpoint"},
    {"cpu_profile", "where its CPU time goes, sampled from outside for --profile-seconds when no endpoint tells",
     "perf_event_open(2), /proc/PID/task/TID/{schedstat,syscall}, process_vm_readv(2), /proc/kallsyms", 9, Tier::kT1,
     Lane::kSampler, milliseconds{720'000}, 512u << 20,
     "CAP_PERFMON for other users' processes and for kernel frames, CAP_SYSLOG for the names of the kernel's functions",
     "", false, true, true, gather_cpu_profile, parse_cpu_profile},
    {"page_faults", "where it touches memory for the first time (--samples, --every): the call paths by which it grows",
     "perf_event_open(2)", 9, Tier::kT1, Lane::kFaults, milliseconds{86'400'000}, 256u << 20,
     "CAP_PERFMON for other users' processes", "", false, true, true, gather_page_faults, parse_page_faults, "gauges"},
};

// RFC 3227: what changes fastest is read first. Within a lane, since lanes run side by side; what is slow comes last
// anyway.
constexpr bool in_order_of_volatility() {
  for (size_t i = 0; i + 1 < std::size(kTable); ++i) {
    const Collector &one = kTable[i], &next = kTable[i + 1];
    if (one.lane == next.lane && one.slow == next.slow && one.volatility > next.volatility) return false;
    if (one.lane == next.lane && one.slow && !next.slow) return false;
  }
  return true;
}
static_assert(in_order_of_volatility());

}  // namespace

std::span<const Collector> collector_table() { return kTable; }

std::vector<std::string> with_companions(std::vector<std::string> names) {
  for (size_t i = 0; i < names.size(); ++i) {
    auto row =
        std::find_if(std::begin(kTable), std::end(kTable), [&](const Collector& c) { return c.name == names[i]; });
    if (row == std::end(kTable) || row->shown_through.empty()) continue;
    if (std::find(names.begin(), names.end(), row->shown_through) == names.end())
      names.emplace_back(row->shown_through);
  }
  return names;
}

}  // namespace ec
