#include <catch2/catch.hpp>

#include "collector/analysis/file_classes.h"
#include "collector/analysis/thread_words.h"
#include "collector/analysis/words.h"
#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

TEST_CASE("hostile names do not end a sentence or a line") {
  Snapshot s = healthy();
  s.target.comm = "x. All is well.\n\x1b[2J";
  CHECK(target_name(s).find(". ") == std::string::npos);
  CHECK(target_name(s).find('\n') == std::string::npos);
  CHECK(target_name(s).find('\x1b') == std::string::npos);
  s.files->count = 1024;
  CHECK(verdict(s, analyse(s)).find("is out of file descriptors") != std::string::npos);
}

TEST_CASE("the verdict says when much was not examined") {
  Snapshot s = healthy();
  s.files = Error{ErrorCode::kDenied, "/proc/42/fd", "", 13};
  s.stacks = Error{ErrorCode::kTimeout, "stack helper", "killed at its deadline", 0};
  CHECK(verdict(s, {}).ends_with("; but its stacks and its open files could not be examined."));
}

TEST_CASE("the verdict names the other findings by their titles, in few words") {
  auto finding = [](std::string id, Severity severity, std::string title) {
    return Finding{std::move(id), severity, std::move(title), "It is out of descriptors. More.", {}};
  };
  std::vector<Finding> findings = {
      finding("fd-exhaustion", Severity::kCritical, "Open files: 252 of 256 (98 %)"),
      finding("log-error-burst", Severity::kHigh, "Errors in the logs: 309 a minute"),
      finding("cpu-saturation-host", Severity::kMedium, "CPU of the host: 100 % busy, load 4.9 on 2 CPUs"),
      finding("clock-not-synchronised", Severity::kLow, "The clock is not synchronised"),
  };
  CHECK(headline(healthy(), findings) ==
        "It is out of descriptors; also errors in the logs: 309 a minute and CPU of the host: 100 % busy");
  findings.push_back(finding("lock-convoy", Severity::kMedium, "12 of 15 threads wait for one mutex"));
  findings.push_back(
      finding("hung-mount", Severity::kMedium, "The mount /" + std::string(300, 'x') + " does not answer"));
  findings.push_back(finding("disk-full", Severity::kMedium, "/var: 97 % full, 2 GiB left"));
  std::string sentence = headline(healthy(), findings);
  CHECK(sentence.ends_with("12 of 15 threads wait for one mutex and 2 more"));
  CHECK(sentence.size() < 250);
}

TEST_CASE("enumerate, counted and share_of") {
  CHECK(enumerate({}) == "");
  CHECK(enumerate({"a"}) == "a");
  CHECK(enumerate({"a", "b", "c"}) == "a, b and c");
  CHECK(enumerate({"a", "b", "c", "d"}, 2) == "a, b and 2 more");
  CHECK(counted(1, "process", "processes") == "1 process");
  CHECK(share_of(1023, 1024) == "1023 of 1024 (99 %)");
  CHECK(share_of(5, 0) == "5 of 0 (0 %)");
}

TEST_CASE("usable cores: the smallest of quota, affinity and CPUs") {
  Snapshot s = healthy();
  CHECK(usable_cores(s) == 4);
  s.process.status->cpus_allowed = "0,2";
  CHECK(usable_cores(s) == 2);
  s.process.cgroup->cpu_limit_cores = 0.5;
  CHECK(usable_cores(s) == 0.5);
  s.process.status->cpus_allowed = "7-3,x";
  s.process.cgroup->cpu_limit_cores = std::nullopt;
  CHECK(usable_cores(s) == 4);
}

TEST_CASE("forty rows of one collector and one reason become one line") {
  Snapshot s = healthy();
  for (int i = 0; i < 40; ++i) {
    ArtifactRow row;
    row.path = "raw/proc/42/task/" + std::to_string(1000 + i) + "/stack";
    row.collector = "threads", row.status = Status::kFailed, row.reason = "needs CAP_SYS_ADMIN",
    row.fix = "run as root";
    s.artifacts.push_back(row);
  }
  ArtifactRow fine;
  fine.path = "raw/proc/stat";
  s.artifacts.push_back(fine);
  auto gaps = not_examined(s);
  auto of_threads =
      std::count_if(gaps.begin(), gaps.end(), [](auto& gap) { return gap.reason == "needs CAP_SYS_ADMIN"; });
  CHECK(of_threads == 1);
  CHECK(gaps.front().what.starts_with("40 artifacts of \"threads\""));
  CHECK(gaps.front().fix == "run as root");
}

TEST_CASE("one reason with different paths in it, from different collectors, is one line") {
  Snapshot s = healthy();
  for (auto* name : {"io", "auxv", "maps", "environ", "timers"}) {
    ArtifactRow row;
    row.path = std::string("raw/proc/1/") + name, row.collector = name, row.status = Status::kFailed;
    row.reason = std::string("/proc/1/") + name + ": Permission denied";
    s.artifacts.push_back(row);
  }
  auto gaps = not_examined(s);
  REQUIRE(gaps.size() >= 1);
  CHECK(gaps.front().what == "5 artifacts: proc/1/auxv, proc/1/environ, proc/1/io and 2 more");
  CHECK(gaps.front().reason == "Permission denied");
}

TEST_CASE("not examined: gentler pause, privileges, interruption, missing parts") {
  Snapshot s = healthy();
  Stacks stacks;
  stacks.pause.mode = "no-stop", stacks.pause.asked = "consistent",
  stacks.pause.why_gentler = "1,200 threads would take 90 ms";
  s.stacks = stacks;
  s.run.privileges_missing = {"CAP_SYSLOG: the kernel log"};
  s.run.interrupted = true, s.run.interrupted_by = "SIGINT";
  s.process.mappings = Error{ErrorCode::kTimeout, "/proc/42/maps", "did not return in 2 s", 0};
  auto gaps = not_examined(s);
  auto has = [&](std::string_view text) {
    return std::any_of(gaps.begin(), gaps.end(),
                       [&](auto& gap) { return (gap.what + gap.reason + gap.fix).find(text) != std::string::npos; });
  };
  CHECK(has("would take 90 ms"));
  CHECK(has("the kernel log"));
  CHECK(has("run as root, or with CAP_SYSLOG"));
  CHECK(has("SIGINT"));
  CHECK(has("did not return in 2 s"));
}

TEST_CASE("not examined: the fix of a gentler pause fits what stood in the way") {
  Snapshot s = healthy();
  s.stacks = Stacks{};
  s.stacks->pause.mode = "no-stop", s.stacks->pause.asked = "auto";
  auto fix_when = [&s](std::string_view why) {
    s.stacks->pause.why_gentler = why;
    for (auto& gap : not_examined(s))
      if (gap.reason == why) return gap.fix;
    return std::string("not listed");
  };
  CHECK(fix_when("1,200 threads would take 90 ms") == "--max-pause with a larger number");
  CHECK(fix_when("gdb (7) traces it already") == "detach that tracer");
  CHECK(fix_when("its cgroup is frozen") == "thaw it");
  CHECK(fix_when("a process cannot stop itself").empty());
}

TEST_CASE("figures: workers that write what they do into their command line are counted by it") {
  Snapshot s = healthy();
  auto child = [&](std::string command, double age) {
    s.process.children->push_back({100, 42, "postgres", std::move(command), 'S', 0, age});
  };
  auto said = [&] {
    for (auto& figure : figures(s))
      if (figure.key == "process.child_titles") return figure.text;
    return std::string();
  };
  child("/usr/sbin/apache2 -DFOREGROUND", 5);
  child("python3 -c print('a: b')", 5);
  CHECK(said() == "");
  child("postgres: checkpointer ", 900);
  child("postgres: shop app 10.0.0.7(42650) idle in transaction", 20);
  child("postgres: shop app 10.0.0.7(42652) UPDATE waiting", 21);
  child("postgres: shop app 10.0.0.12(42654) UPDATE waiting", 22);
  CHECK(said() ==
        "2 × postgres: shop app #.#.#.#(#) UPDATE waiting, 1 × postgres: shop app #.#.#.#(#) idle in transaction and "
        "1 × postgres: checkpointer");
}

TEST_CASE("figures: only what is known, with marks") {
  CHECK(figures(Snapshot{}).empty());
  Snapshot s = healthy();
  s.files->count = 1000;
  bool seen = false;
  for (auto& figure : figures(s)) {
    CHECK_FALSE(figure.key.empty());
    CHECK_FALSE(figure.text.empty());
    if (figure.key != "process.open_files") continue;
    seen = true;
    CHECK(figure.text == "1000 of 1024 (97 %)");
    CHECK(figure.mark == Figure::Mark::kBad);
    CHECK(figure.value == 1000);
  }
  CHECK(seen);
}

TEST_CASE("figures of the runtime: what the endpoint does not tell is absent, not 0") {
  Snapshot s = healthy();
  s.endpoints = std::vector<Endpoint>(1);
  GoRuntime& go = s.endpoints->front().go.emplace();
  auto shown = [&s] {
    std::vector<std::string> lines;
    for (auto& figure : figures(s))
      if (figure.group == "Runtime") lines.push_back(figure.label + ": " + figure.text);
    return lines;
  };
  using Lines = std::vector<std::string>;
  CHECK(shown().empty());
  go.heap_alloc_bytes = 5 * kMiB;
  CHECK(shown() == Lines{"heap: 5.0 MiB in use"});
  go.sys_bytes = 20 * kMiB, go.gc_count = 7;
  CHECK(shown() == Lines{"heap: 5.0 MiB in use, 20.0 MiB from the system", "garbage collection: 7 collections"});
  go.goroutines = 12, go.next_gc_bytes = 8 * kMiB, go.last_pause_ms = 0.25, go.gc_cpu_fraction = 0.015;
  CHECK(shown() == Lines{"goroutines: 12", "heap: 5.0 MiB in use, next collection at 8.0 MiB, 20.0 MiB from the system",
                         "garbage collection: 7 collections, last pause 0.25 ms, 1.5 % of the CPU"});
}

TEST_CASE("threads with one stack are one group, the largest first") {
  Snapshot s = healthy();
  Stacks stacks;
  Frame frame;
  frame.symbol = "poll";
  stacks.frames = {frame};
  stacks.stacks = {{{0}, "root"}, {{0, 77}, "root"}};  // 77: an index that is not there
  stacks.threads = {{42, "no-stop", 1, 0, false, ""},
                    {43, "no-stop", 0, 0, false, ""},
                    {44, "no-stop", 0, 0, false, ""},
                    {45, "no-stop", 9, 0, false, ""}};
  s.stacks = stacks;
  ThreadIndex index(s);
  auto groups = group_threads(s, index);
  REQUIRE(groups.size() == 3);
  CHECK(groups.front().tids == std::vector<int>{43, 44});
  CHECK(index.stack(45) == nullptr);
  CHECK(program_function(index, 42) == "poll");
}

TEST_CASE("open files by class") {
  auto classes = file_classes(*healthy().files);
  REQUIRE(classes.size() == 2);
  CHECK(classes[0].words == "TCP connections in ESTABLISHED");
  CHECK(classes[1].words == "TCP listeners");
}
