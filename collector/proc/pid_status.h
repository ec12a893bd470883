// /proc/PID/status and /proc/PID/task/TID/status, proc(5).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

// A process without memory (kernel thread, zombie) has no Vm lines: those fields stay 0 and has_memory false.
struct PidStatus {
  std::string name;  // unescaped
  char state = '?';
  int tgid = 0, pid = 0, ppid = 0, tracer_pid = 0;
  std::array<uint32_t, 4> uid{}, gid{};  // real, effective, saved, filesystem; in the reader's user namespace
  std::vector<uint32_t> groups;
  std::vector<int> ns_tgid, ns_pid, ns_pgid, ns_sid;  // outermost shown namespace first
  uint64_t threads = 0;
  bool has_memory = false;
  uint64_t vm_peak_bytes = 0, vm_size_bytes = 0, locked_bytes = 0, pinned_bytes = 0, rss_peak_bytes = 0, rss_bytes = 0,
           rss_anon_bytes = 0, rss_file_bytes = 0, rss_shmem_bytes = 0, data_bytes = 0, stack_bytes = 0, text_bytes = 0,
           library_bytes = 0, page_table_bytes = 0, swap_bytes = 0, huge_pages_bytes = 0;
  // Masks: bit 0 is signal 1, bit 0 is CAP_CHOWN.
  uint64_t signals_pending = 0, signals_pending_process = 0, signals_blocked = 0, signals_ignored = 0,
           signals_caught = 0;
  uint64_t capabilities_inheritable = 0, capabilities_permitted = 0, capabilities_effective = 0,
           capabilities_bounding = 0, capabilities_ambient = 0;
  std::optional<bool> no_new_privs, core_dumping, kernel_thread;  // nothing on kernels that do not say
  std::optional<int> seccomp_mode, seccomp_filters;
  std::string speculation_store_bypass, speculation_indirect_branch;
  std::string cpus_allowed, memory_nodes_allowed;             // list form: "0-3,8"
  uint64_t voluntary_switches = 0, involuntary_switches = 0;  // of this one thread
};

// Unknown lines are skipped. Errors: malformed, with the line; truncated when there is no Pid line.
Result<PidStatus> parse_pid_status(std::string_view where, std::string_view text);

// "off", "strict", "filter (2 filters)"; "" when the kernel does not say.
std::string seccomp_words(const PidStatus& status);

}  // namespace ec
