#include "collector/collectors/collector.h"
#include "collector/collectors/open_files.h"
#include "collector/collectors/sockets.h"

namespace ec {

const std::vector<Collector>& collector_table() {
  static const std::vector<Collector> kTable{
      // Rows by lane, most volatile first. See collector.h for the meaning of the columns.
      {"open_files", "every open descriptor: kind, path, flags, position, locks", "/proc/PID/fd, /proc/PID/fdinfo, proc(5)", 4,
       Tier::kT0, Lane::kMain, milliseconds{3000}, 64u << 20, "CAP_SYS_PTRACE for other users' processes", "paths", false,
       true, false, gather_open_files, parse_open_files},
      {"sockets", "sockets of the target's network namespace, their peers and listeners",
       "sock_diag(7) in the target's network namespace, /proc/*/fd", 4, Tier::kT0, Lane::kMain, milliseconds{5000},
       256u << 20, "CAP_SYS_ADMIN for another network namespace, CAP_SYS_PTRACE for other users' processes", "", false,
       false, false, gather_sockets, parse_sockets},
  };
  return kTable;
}

}  // namespace ec
