// The first byte chooses the parser, the rest is its text. The last ones get it as the stored bytes of a collector.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collector/collectors/filesystems.h"
#include "collector/collectors/host_limits.h"
#include "collector/collectors/host_system.h"
#include "collector/collectors/host_time.h"
#include "collector/collectors/kernel_log.h"
#include "collector/collectors/processes.h"
#include "collector/proc/diskstats.h"
#include "collector/proc/host_stat.h"
#include "collector/proc/interrupts.h"
#include "collector/proc/kernel_words.h"
#include "collector/proc/kmsg.h"
#include "collector/proc/loadavg.h"
#include "collector/proc/meminfo.h"
#include "collector/proc/net_dev.h"
#include "collector/proc/net_snmp.h"
#include "collector/proc/oom_kill.h"
#include "collector/proc/utmp.h"
#include "collector/proc/vmstat.h"
#include "tests/support/raw_stores.h"

using namespace ec;

namespace {

void parse_stored(std::string_view path, std::string_view bytes, void (*parse)(const RawStore&, Snapshot&)) {
  RawStore store;
  test::put(store, "raw/" + std::string(path), bytes);
  test::put(store, "raw/second/" + std::string(path), bytes);
  Snapshot snapshot;
  snapshot.target.pid = 1;
  parse(store, snapshot);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 24) {
    case 0:
      (void)parse_host_stat("f", text);
      break;
    case 1:
      (void)parse_meminfo("f", text);
      break;
    case 2:
      (void)parse_named_counters("f", text);
      break;
    case 3:
      (void)parse_loadavg("f", text);
      break;
    case 4:
      (void)parse_uptime("f", text);
      break;
    case 5:
      (void)parse_diskstats("f", text);
      break;
    case 6:
      (void)parse_net_dev("f", text);
      break;
    case 7:
      (void)parse_net_snmp("f", text);
      break;
    case 8:
      (void)parse_interrupts("f", text);
      break;
    case 9:
      (void)parse_kmsg(text);
      break;
    case 10:
      (void)find_oom_kills(parse_kmsg(text));
      break;
    case 11:
      (void)parse_utmp(text, false);
      break;
    case 12:
      (void)parse_utmp(text, true);
      break;
    case 13:
      (void)parse_session_file(text);
      break;
    case 14:
      (void)parse_os_release(text);
      break;
    case 15:
      (void)parse_taint("f", text);
      break;
    case 16:
      (void)parse_modules("f", text);
      break;
    case 17:
      parse_stored("processes.bundle", text, parse_processes);
      break;
    case 18:
      parse_stored("blocked.bundle", text, parse_processes);
      break;
    case 19:
      parse_stored("filesystems.bundle", text, parse_filesystems);
      break;
    case 20:
      parse_stored("kmsg.txt", text, parse_kernel_log);
      break;
    case 21:
      parse_stored("host/adjtimex", text, parse_host_time);
      break;
    case 22:
      parse_stored("host/sysctl.bundle", text, parse_host_limits);
      break;
    default:
      parse_stored("host/virtualisation.bundle", text, parse_host_system);
      break;
  }
  return 0;
}
