#include <catch2/catch.hpp>

#include "tests/unit/analysis/futex_threads.h"

using namespace ec;
using namespace ec::test;

namespace {

constexpr uint64_t kGil = 0xa5b8a8;

// Thread 42 holds the GIL in crunch; the others wait on its condition variable and each uses a bit of a core.
Snapshot waiting_for_gil(int waiters, double cores) {
  Snapshot s = healthy();
  PythonRuntime python;
  python.locks = {{kGil, 208, true, 42}};
  python.threads.push_back({42, {}, {}, true, ""});
  Thread holder = thread(42, "main");
  holder.state = 'R';
  holder.cpu_cores = cores;
  s.threads = std::vector<Thread>{holder};
  for (int tid = 43; tid < 43 + waiters; ++tid) {
    s.threads->push_back(futex_waiter(tid, kGil + 36, 0x189, 0, {}, 1));
    python.threads.push_back({tid, {}, {}, true, ""});
  }
  s.python = python;
  s.stacks = Stacks{};
  Frame crunch;
  crunch.symbol = "crunch", crunch.file = "/srv/app.py", crunch.line = 12, crunch.found_by = "python";
  s.stacks->frames = {crunch};
  s.stacks->stacks.push_back({{0}, "root", {}, {}});
  s.stacks->threads.push_back({42, "no-stop", 0, 0, false, ""});
  return s;
}

}  // namespace

TEST_CASE("gil-contention names the holder and its Python function") {
  auto found = findings_of(waiting_for_gil(11, 0.98), "gil-contention");
  REQUIRE(found.size() == 1);
  CHECK(found.front().severity == Severity::kMedium);
  CHECK(found.front().title == "11 of 12 Python threads wait for the GIL");
  CHECK(found.front().detail ==
        "11 threads of redis-server (pid 42) wait for the interpreter lock (GIL), which lets one thread at a time run "
        "Python code. main (tid 42), in crunch (app.py:12), held it when it was read. Together its threads use 0.98 "
        "cores; more threads or CPUs do not help.");
  CHECK(found.front().evidence.front().artifact == "raw/python.json");
  CHECK(severity(waiting_for_gil(16, 0.98), "gil-contention") == "high");
}

TEST_CASE("gil-contention: a few waiters, or a lock that is mostly free, say nothing") {
  CHECK(severity(waiting_for_gil(3, 0.98), "gil-contention") == "");
  CHECK(severity(waiting_for_gil(11, 0.3), "gil-contention") == "");
}

TEST_CASE("gil-contention: a holder that waits for a CPU keeps the lock") {
  Snapshot s = waiting_for_gil(11, 0.3);
  s.threads->front().run_delay = 0.65;
  auto found = findings_of(s, "gil-contention");
  REQUIRE(found.size() == 1);
  CHECK(found.front().detail.find(
            "Together its threads use 0.30 cores and wait for a CPU 0.65 s per second: the holder "
            "is slowed down by what else runs here. More threads do not help.") != std::string::npos);
  s.threads->front().run_delay = 0.05;
  CHECK(severity(s, "gil-contention") == "");
}

TEST_CASE("gil-contention: an idle pool waits elsewhere") {
  Snapshot s = waiting_for_gil(11, 0.98);
  for (Thread& each : *s.threads)
    if (each.call && !each.call->arguments.empty()) each.call->arguments.front() = 0x7f0000001000;
  CHECK(severity(s, "gil-contention") == "");
}

TEST_CASE("gil-contention: a holder that sleeps stops everything") {
  Snapshot s = waiting_for_gil(1, 0);
  s.threads->front().state = 'S';
  CHECK(severity(s, "gil-contention") == "critical");
  s.threads->front().cpu_cores = 0.001;  // it ran meanwhile
  CHECK(severity(s, "gil-contention") == "");
  s = waiting_for_gil(1, 0);
  s.threads->front().state = 'S';
  s.python->locks.front().held = false;
  s.python->locks.front().holder = 0;
  CHECK(severity(s, "gil-contention") == "");
}
