// The profile that is taken from outside, of programs whose use of CPU time is known. Shares are compared with what the
// program measured itself: how much of the machine it got does not matter.
#include "collector/collectors/cpu_profile.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cmath>
#include <map>
#include <set>

#include "collector/analysis/cpu_time.h"
#include "collector/base/text.h"
#include "collector/collectors/threads.h"
#include "collector/report/page.h"
#include "tests/live/files_sink.h"
#include "tests/live/stack_programs.h"
#include "tests/support/place.h"
#include "tests/support/program.h"

namespace ec::test {

namespace {

Snapshot profiled(pid_t pid, int seconds, StoreSink sink = {}) {
  RunOptions options;
  options.profile_seconds = seconds;
  Snapshot snapshot =
      collected(pid, {{gather_threads, parse_threads}, {gather_cpu_profile, parse_cpu_profile}}, options, sink);
  REQUIRE(snapshot.cpu_profile);
  CHECK(snapshot.cpu_profile->refused.empty());
  return snapshot;
}

const CpuFunction* function(const CpuTime& time, std::string_view name) {
  auto found = std::find_if(time.functions.begin(), time.functions.end(),
                            [&](const CpuFunction& each) { return each.name.find(name) != std::string::npos; });
  return found == time.functions.end() ? nullptr : &*found;
}

struct Truth {
  double seventy = 0, twenty = 0, ten = 0;
  double all() const { return seventy + twenty + ten; }
  void add(const Truth& from, const Truth& to) {
    seventy += to.seventy - from.seventy;
    twenty += to.twenty - from.twenty;
    ten += to.ten - from.ten;
  }
};
Truth truth_of(Conversation& program) {
  Truth truth;
  std::string line = program.answer();
  FieldCursor fields(std::string_view(line).substr(std::min(line.find("seventy"), line.size())));
  for (double* part : {&truth.seventy, &truth.twenty, &truth.ten}) {
    fields.word();
    *part = static_cast<double>(fields.number<uint64_t>().value_or(0));
  }
  return truth;
}

// Asks the program how far it is when its profile begins, and whenever some more of it has been taken.
class AskingSink : public StoreSink {
 public:
  explicit AskingSink(Conversation& program) : program_(program) {}
  void section(std::string_view path, std::string_view name, std::string_view bytes) override {
    (name == "plan" ? first : last) = name == "kernel" ? last : truth_of(program_);
    StoreSink::section(path, name, bytes);
  }
  Truth first, last;

 private:
  Conversation& program_;
};

std::string late_artifact(const Snapshot& snapshot, const std::string& path) {
  for (const DerivedArtifact& each : late_artifacts(snapshot))
    if (each.path == path) return each.bytes;
  return {};
}

// Kills the target when the first second of its profile has been stored.
class KillingSink : public StoreSink {
 public:
  explicit KillingSink(pid_t target) : target_(target) {}
  void section(std::string_view path, std::string_view name, std::string_view bytes) override {
    StoreSink::section(path, name, bytes);
    if (name == "1") kill(target_, SIGKILL);
  }

 private:
  pid_t target_;
};

// As the default profile of container engines does.
void forbid_perf_events() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog filter{std::size(program), program};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
    _exit(126);
}

}  // namespace

TEST_CASE("functions have the shares of CPU time that the program measures itself") {
  if (!may_count_events()) return not_run_here("needs performance events");
  // So many threads that they get their part of a busy machine, too.
  Conversation program({EC_TARGETS_DIR "/shares", "12"});
  REQUIRE(program.started());
  auto target = identify(program.pid());
  REQUIRE(target);
  RunOptions options;
  options.profile_seconds = 4;
  constexpr uint64_t kEnoughSamples = 600;
  constexpr int kMostRounds = 25;  // on a machine that is busy with other things
  Truth truth;
  Snapshot snapshot;  // of the round with most samples
  std::map<std::string, double> weights;
  uint64_t samples = 0;
  double unknown = 0;
  for (int round = 0; round < kMostRounds && samples < kEnoughSamples; ++round) {
    AskingSink sink(program);
    sink.run(gather_cpu_profile, &*target, options);
    Snapshot now;
    parse_cpu_profile(sink.store, now);
    REQUIRE(now.cpu_profile);
    REQUIRE(now.cpu_profile->refused.empty());
    truth.add(sink.first, sink.last);
    CpuTime time = cpu_time_of(now);
    auto sampled = static_cast<double>(now.cpu_profile->samples);
    for (const char* name : {"seventy()", "twenty()", "ten()"}) {
      const CpuFunction* found = function(time, name);
      if (!found) continue;
      weights[name] += found->total * sampled;
      if (found->self > 0.02) CHECK(found->caller == "measured()");
    }
    samples += now.cpu_profile->samples;
    unknown += time.unknown * sampled;
    if (!snapshot.cpu_profile || now.cpu_profile->samples > snapshot.cpu_profile->samples) snapshot = std::move(now);
  }
  REQUIRE(samples >= kEnoughSamples);
  CHECK(unknown / static_cast<double>(samples) < 0.02);
  auto off_by = [&](const char* name, double measured) {
    double sampled = weights[name] / static_cast<double>(samples);
    UNSCOPED_INFO(fmt::format("{}: {:.4f} of {} samples, {:.4f} by its own clock", name, sampled, samples, measured));
    return std::abs(sampled - measured);
  };
  CHECK(off_by("seventy()", truth.seventy / truth.all()) < 0.03);
  CHECK(off_by("twenty()", truth.twenty / truth.all()) < 0.03);
  CHECK(off_by("ten()", truth.ten / truth.all()) < 0.03);
  CHECK(runs_freely(program.pid()));
  CpuTime time = cpu_time_of(snapshot);

  // The clock of the process agrees with the samples, and the words with both.
  CHECK(time.sampled > 0.7);
  CHECK(time.sampled < 1.3);
  CpuWords words = cpu_words(snapshot);
  REQUIRE_FALSE(words.lines.empty());
  CHECK(words.lines[0].find("of its CPU time is in seventy") != std::string::npos);

  TempDir folder;
  write_text(folder / "cpu.pb.gz", late_artifact(snapshot, "profiles/cpu.pb.gz"));
  auto top = run_program({"go", "tool", "pprof", "-top", folder / "cpu.pb.gz"});
  CAPTURE(top.out, top.err);
  CHECK(top.exit_code == 0);
  CHECK(top.out.find("Type: cpu") != std::string::npos);
  CHECK(top.out.find("seventy") < top.out.find("twenty"));
  CHECK(top.out.find("twenty") != std::string::npos);
  CHECK(late_artifact(snapshot, "profiles/cpu.svg").find("seventy") != std::string::npos);
}

TEST_CASE("threads that are born while it samples are in the profile") {
  if (!may_count_events()) return not_run_here("needs performance events");
  Conversation program({EC_TARGETS_DIR "/shares", "1", "births"});
  REQUIRE(program.started());
  Snapshot snapshot = profiled(program.pid(), 3);
  const CpuProfile& profile = *snapshot.cpu_profile;
  std::set<int> there_before, newborn;
  for (const Thread& thread : *snapshot.threads) there_before.insert(thread.tid);
  for (const CpuSample& sample : profile.spent) {
    if (there_before.contains(sample.tid)) continue;
    for (uint32_t frame : frames_of(profile, sample))
      if (profile.frames[frame].symbol.find("newborn") != std::string::npos) newborn.insert(sample.tid);
  }
  CHECK(newborn.size() >= 2);
}

TEST_CASE("threads that do not run are told with the stack they wait in") {
  if (!may_count_events()) return not_run_here("needs performance events");
  BackgroundProgram idle({EC_TARGETS_DIR "/idle", "4"});
  REQUIRE_FALSE(idle.wait_for_line("ready").empty());
  Snapshot snapshot = profiled(idle.pid(), 1);
  CpuTime time = cpu_time_of(snapshot);
  REQUIRE_FALSE(time.threads.empty());
  CHECK(time.threads.back().blocked > 0.9);
  REQUIRE_FALSE(time.blocked.empty());
  CHECK(time.blocked.front().seconds > 0.5);
  CHECK(late_artifact(snapshot, "profiles/cpu.txt").find("Where threads were blocked") != std::string::npos);
}

TEST_CASE("a target that ends meanwhile leaves the profile of its life") {
  if (!may_count_events()) return not_run_here("needs performance events");
  Conversation program({EC_TARGETS_DIR "/shares", "1"});
  REQUIRE(program.started());
  auto target = identify(program.pid());
  REQUIRE(target);
  RunOptions options;
  options.profile_seconds = 15;
  KillingSink sink(program.pid());
  sink.run(gather_cpu_profile, &*target, options);
  Snapshot snapshot;
  parse_cpu_profile(sink.store, snapshot);
  REQUIRE(snapshot.cpu_profile);
  CHECK(snapshot.cpu_profile->target_ended);
  CHECK(snapshot.cpu_profile->span_ns < snapshot.cpu_profile->asked_ns);
  CpuTime time = cpu_time_of(snapshot);
  CHECK(function(time, "seventy()"));
}

TEST_CASE("a target that writes over its own tables does no harm to the profile") {
  if (!may_count_events()) return not_run_here("needs performance events");
  Conversation program({EC_TARGETS_DIR "/scribbler"});
  REQUIRE(program.started());
  Snapshot snapshot = profiled(program.pid(), 2);
  CHECK_FALSE(late_artifact(snapshot, "profiles/cpu.txt").empty());
  CHECK(runs_freely(program.pid()));
}

TEST_CASE("where performance events are not allowed the page says so, and what would change it") {
  Conversation program({EC_TARGETS_DIR "/shares", "1"});
  REQUIRE(program.started());
  TempDir folder;
  ProgramSettings settings;
  settings.in_child = forbid_perf_events;
  auto run = collect({"--pid", std::to_string(program.pid()), "--only", "threads,cpu_profile", "--profile-seconds", "1",
                      "-o", folder / "x.tar.zst"},
                     settings);
  CAPTURE(run.out, run.err);
  CHECK(run.exit_code == 3);
  CHECK(run.out.find("perf_event_open") != std::string::npos);
  CHECK(run.out.find("seccomp") != std::string::npos);
  CHECK(run.out.find("Cores by thread: shares") != std::string::npos);
  CHECK(runs_freely(program.pid()));
}

TEST_CASE("a profile that the target gives is not taken again, and one that it refuses is taken from outside") {
  if (!may_count_events()) return not_run_here("needs performance events");
  struct {
    const char* mode;
    bool gives;
  } const kCases[] = {{"ok", true}, {"busy", false}};
  for (const auto& each : kCases) {
    BackgroundProgram server({EC_TARGETS_DIR "/fault_http_server", each.mode, EC_FIXTURES "/go-pprof/heap.pb.gz"});
    REQUIRE_FALSE(server.wait_for_line("ready ").empty());
    TempDir folder;
    auto run = collect({"--pid", std::to_string(server.pid()), "--only", "endpoint,cpu_profile", "--profile-seconds",
                        "1", "-o", folder / "x.tar.zst"});
    std::string list = collect({"show", folder / "x.tar.zst", "--list"}).out;
    CAPTURE(each.mode, run.out, run.err, list);
    CHECK(list.find("/profile.pb.gz") != std::string::npos);
    CHECK((list.find("profiles/cpu.txt") == std::string::npos) == each.gives);
  }
}

}  // namespace ec::test
