#include <catch2/catch.hpp>

#include "collector/collectors/processes.h"
#include "host_store.h"

using namespace ec;
using namespace ec::test;

namespace {

// /proc/PID/stat with the fields that matter: CPU ticks, threads, start, resident pages.
std::string stat(int pid, const std::string& comm, char state, uint64_t ticks, uint64_t start, int threads = 1,
                 uint32_t flags = 0) {
  return std::to_string(pid) + " (" + comm + ") " + state + " 1 1 1 0 -1 " + std::to_string(flags) + " 0 0 0 0 " +
         std::to_string(ticks) + " 0 0 0 20 0 " + std::to_string(threads) + " 0 " + std::to_string(start) +
         " 1000000 250 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n";
}

RawStore host_of_four() {
  RawStore store;
  put(store, "raw/host/constants", "clock_ticks 100\npage_size 4096\n");
  put(store, "raw/host/users", "0 root\n26 postgres\n26 other\n");
  put(store, "raw/processes.bundle",
      bundle({{"1/stat", stat(1, "systemd", 'S', 50, 0)},
              {"1/uid", "0"},
              {"700/stat", stat(700, "postgres", 'R', 1000, 5000)},
              {"700/uid", "26"},
              {"701/stat", stat(701, "gone", 'S', 10, 5000)},
              {"2/stat", stat(2, "kthreadd", 'S', 0, 0, 1, 0x00200000)},
              {"clock/stat", "100000000000 100000000000"},
              {"700/exe", "/usr/lib/postgresql/15/bin/postgres (deleted)"},
              {"700/cmdline", std::string("postgres\0-D\0/data\nx\0", 20)},
              {"700/io", "rchar: 9\nread_bytes: 4096\nwrite_bytes: 100\n"},
              {"clock/io", "100000000000 100000000000"}}));
  return store;
}

const HostProcess* find(const Snapshot& snapshot, int pid) {
  for (const HostProcess& process : *snapshot.host.processes)
    if (process.pid == pid) return &process;
  return nullptr;
}

}  // namespace

TEST_CASE("processes of one reading") {
  RawStore store = host_of_four();
  Snapshot snapshot;
  parse_processes(store, snapshot);
  REQUIRE(snapshot.host.processes);
  REQUIRE(snapshot.host.processes->size() == 4);
  const HostProcess* postgres = find(snapshot, 700);
  REQUIRE(postgres);
  CHECK(postgres->comm == "postgres");
  CHECK(postgres->cmdline == "postgres -D /data x");
  CHECK(postgres->user == "postgres");
  CHECK(postgres->rss_bytes == 250 * 4096);
  CHECK(postgres->cpu_seconds == Approx(10));
  CHECK(postgres->age_seconds == Approx(50));
  CHECK(postgres->cpu_cores == 0);
  CHECK(postgres->executable_deleted);
  CHECK(find(snapshot, 2)->kernel_thread);
  CHECK(find(snapshot, 701)->user.empty());
  REQUIRE(snapshot.host.tasks_by_state);
  CHECK(snapshot.host.tasks_by_state->at('S') == 3);
  CHECK(snapshot.host.tasks_by_state->at('R') == 1);
}

TEST_CASE(
    "processes of two readings: rates by each one's own moment, the ended one is gone, a reused pid starts anew") {
  RawStore store = host_of_four();
  put(store, "raw/second/processes.bundle",
      bundle({{"1/stat", stat(1, "systemd", 'S', 50, 0)},
              {"700/stat", stat(700, "postgres", 'R', 1150, 5000)},
              {"701/stat", stat(701, "reused", 'R', 40, 10050)},
              {"800/stat", stat(800, "cc1plus", 'R', 30, 10070)},
              {"800/uid", "1234"},
              {"clock/stat", "101000000000 101000000000"},
              {"800/cmdline", std::string("cc1plus\0", 8)},
              {"700/io", "read_bytes: 8192\nwrite_bytes: 50\n"},
              {"clock/io", "102000000000 102000000000"}}));
  Snapshot snapshot;
  parse_processes(store, snapshot);
  REQUIRE(snapshot.host.processes);
  const auto& all = *snapshot.host.processes;
  REQUIRE(all.size() == 4);
  CHECK(all[0].pid == 700);  // most CPU first
  CHECK(all[0].cpu_cores == Approx(1.5));
  CHECK(all[0].read_bytes == Approx(2048));
  CHECK(all[0].write_bytes == 0);
  CHECK(find(snapshot, 2) == nullptr);
  CHECK(find(snapshot, 701)->cpu_cores == Approx(0.4 / 0.5));
  const HostProcess* compiler = find(snapshot, 800);
  REQUIRE(compiler);
  CHECK(compiler->cpu_cores == Approx(1.0));
  CHECK(compiler->cmdline == "cc1plus");
  CHECK(compiler->user == "1234");
  CHECK(snapshot.host.tasks_by_state->at('R') == 3);
}

TEST_CASE("the target's command line and IO come from its own artifacts") {
  RawStore store = host_of_four();
  put(store, "raw/proc/1/cmdline", std::string("/sbin/init\0", 11));
  put(store, "raw/proc/1/io", "read_bytes: 0\n");
  put(store, "raw/second/proc/1/io", "read_bytes: 500\n");
  put(store, "raw/second/processes.bundle",
      bundle({{"1/stat", stat(1, "systemd", 'S', 50, 0)},
              {"clock/stat", "101000000000 101000000000"},
              {"clock/io", "101000000000 0"}}));
  Snapshot snapshot;
  snapshot.target.pid = 1;
  parse_processes(store, snapshot);
  REQUIRE(snapshot.host.processes);
  CHECK(find(snapshot, 1)->cmdline == "/sbin/init");
  CHECK(find(snapshot, 1)->read_bytes == Approx(500));
}

TEST_CASE("one damaged stat costs one process") {
  RawStore store;
  put(store, "raw/processes.bundle",
      bundle({{"1/stat", stat(1, "a", 'S', 1, 1)}, {"2/stat", "2 (b"}, {"x/stat", "?"}}));
  Snapshot snapshot;
  parse_processes(store, snapshot);
  REQUIRE(snapshot.host.processes);
  CHECK(snapshot.host.processes->size() == 1);
}

TEST_CASE("tasks in uninterruptible sleep, in one reading or in both") {
  RawStore store = host_of_four();
  put(store, "raw/blocked.bundle",
      bundle({{"scan/begin", ""},
              {"700/700/stat", stat(700, "postgres", 'D', 1, 1)},
              {"700/700/wchan", "io_schedule"},
              {"700/700/stack", "[<0>] io_schedule+0x46/0x70\n[<0>] folio_wait_bit_common+0x13d/0x350\n"},
              {"700/705/stat", stat(705, "worker", 'D', 1, 1)},
              {"700/705/wchan", "0"}}));
  put(store, "raw/second/blocked.bundle",
      bundle({{"scan/begin", ""},
              {"700/700/stat", stat(700, "postgres", 'D', 1, 1)},
              {"9/9/stat", stat(9, "kworker", 'D', 1, 1)}}));
  Snapshot snapshot;
  snapshot.target.pid = 700;
  parse_processes(store, snapshot);
  REQUIRE(snapshot.host.blocked);
  const auto& blocked = *snapshot.host.blocked;
  REQUIRE(blocked.size() == 3);
  CHECK(blocked[0].wchan == "io_schedule");
  CHECK(blocked[0].kernel_frames == std::vector<std::string>{"io_schedule+0x46", "folio_wait_bit_common+0x13d"});
  CHECK(blocked[0].in_both_readings);
  CHECK(blocked[0].of_target);
  CHECK(blocked[1].tid == 705);
  CHECK(blocked[1].comm == "worker");
  CHECK(blocked[1].wchan.empty());
  CHECK_FALSE(blocked[1].in_both_readings);
  CHECK(blocked[2].pid == 9);
  CHECK_FALSE(blocked[2].of_target);
}
