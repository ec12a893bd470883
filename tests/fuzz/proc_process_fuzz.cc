// Every parser of a process's files; the first byte chooses one.
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

#include "collector/collectors/process.h"
#include "collector/proc/auxv.h"
#include "collector/proc/cgroup_files.h"
#include "collector/proc/cgroup_mounts.h"
#include "collector/proc/cmdline.h"
#include "collector/proc/limits.h"
#include "collector/proc/maps.h"
#include "collector/proc/mountinfo.h"
#include "collector/proc/passwd.h"
#include "collector/proc/pid_cgroup.h"
#include "collector/proc/pid_io.h"
#include "collector/proc/pid_schedstat.h"
#include "collector/proc/pid_stat.h"
#include "collector/proc/pid_status.h"
#include "collector/proc/pid_timers.h"
#include "collector/proc/pressure.h"
#include "collector/proc/smaps_rollup.h"
#include "collector/proc/statm.h"
#include "collector/target/match.h"
#include "tests/support/raw_stores.h"

namespace {

using namespace ec;

void names(std::string_view text) {
  auto entries = parse_pid_cgroup("fuzz", text);
  if (!entries) return;
  auto mounts = parse_mountinfo(
      "fuzz", "1 0 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n2 0 0:2 /a /m rw - cgroup c rw,memory\n");
  for (const CgroupEntry& entry : *entries) {
    (void)unit_from_path(entry.path);
    (void)container_id_from_path(entry.path);
    (void)path_has_unit(entry.path, "a.service");
    (void)cgroup_levels(entry, *mounts);
  }
}

// The same bytes as every file of an archive: parse functions must stand what parsers stand.
void whole(std::string_view text) {
  RawStore store;
  for (const char* name : {"stat",    "status",        "statm",        "io",          "schedstat",
                           "limits",  "maps",          "cmdline",      "environ",     "smaps_rollup",
                           "cgroup",  "cgroup.bundle", "links.bundle", "tree.bundle", "accounts.bundle",
                           "uid_map", "wchan",         "syscall",      "timers",      "task.bundle"}) {
    for (const char* prefix : {"raw/proc/42/", "raw/second/proc/42/"})
      test::put(store, std::string(prefix) + name, text);
  }
  Snapshot snapshot;
  snapshot.target.pid = 42;
  for (auto parse :
       {parse_process, parse_process_facts, parse_process_memory, parse_process_tree, parse_namespaces, parse_cgroup})
    parse(store, snapshot);
}

void run(unsigned which, std::string_view text) {
  switch (which % 20) {
    case 0:
      (void)parse_pid_stat("fuzz", text);
      break;
    case 1:
      if (auto status = parse_pid_status("fuzz", text)) (void)seccomp_words(*status);
      break;
    case 2:
      (void)parse_statm("fuzz", text);
      break;
    case 3:
      (void)parse_pid_io("fuzz", text);
      break;
    case 4:
      (void)parse_pid_schedstat("fuzz", text);
      break;
    case 5:
      (void)parse_limits("fuzz", text);
      break;
    case 6:
      (void)parse_maps("fuzz", text);
      break;
    case 7:
      (void)parse_smaps_rollup("fuzz", text);
      break;
    case 8:
      (void)parse_auxv("fuzz", text);
      break;
    case 9:
      (void)parse_cmdline(text);
      break;
    case 10:
      (void)parse_environ(text);
      break;
    case 11:
      if (auto timers = parse_pid_timers("fuzz", text))
        for (const auto& timer : *timers) (void)timer_words(timer);
      break;
    case 12:
      (void)parse_mountinfo("fuzz", text);
      break;
    case 13:
      names(text);
      break;
    case 14:
      (void)parse_cgroup_limit("fuzz", text);
      (void)parse_flat_keyed("fuzz", text);
      (void)parse_cpu_max("fuzz", text);
      break;
    case 15:
      (void)account_name(text, 0);
      (void)account_line(text, 1000);
      break;
    case 16:
      (void)id_inside(text, 1000);
      break;
    case 17:
      (void)parse_pressure("fuzz", text);
      break;
    case 18: {
      std::unordered_set<uint64_t> inodes;
      add_listening_inodes(text, 80, inodes);
      (void)socket_inode(text);
      (void)file_name(text);
      break;
    }
    default:
      whole(text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.empty()) return 0;
  run(static_cast<unsigned char>(bytes[0]), bytes.substr(1));
  // Seeds are whole files: they begin with a character of the file, not with a number of a parser.
  run(static_cast<unsigned>(size), bytes);
  return 0;
}
