// Programs that grow by a step for each line that they are told: what grows is named within ten samples, and what only
// fills up is not. The sample waits for the step, so that no clock plays a part.
#include "collector/analysis/growth.h"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "collector/analysis/finding.h"
#include "collector/analysis/stack_profile.h"
#include "collector/analysis/touched_memory.h"
#include "collector/collectors/endpoint.h"
#include "collector/collectors/endpoint_gauges.h"
#include "collector/collectors/gauges.h"
#include "collector/collectors/goroutines.h"
#include "collector/collectors/page_faults.h"
#include "collector/collectors/process.h"
#include "collector/profile/any_profile.h"
#include "collector/report/page.h"
#include "tests/live/files_sink.h"
#include "tests/live/go_programs.h"
#include "tests/support/place.h"
#include "tests/support/program.h"

using namespace ec;
using namespace ec::test;

namespace {

// A program that takes a step for each line of its standard input.
class Stepper {
 public:
  explicit Stepper(const std::string& program) {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    ProgramSettings settings;
    settings.in_child = [ends] { dup2(ends[0], STDIN_FILENO); };
    program_.emplace(std::vector<std::string>{program}, settings);
    close(ends[0]);
    input_ = UniqueFd(ends[1]);
    ready_ = program_->wait_for_line("ready");
    REQUIRE_FALSE(ready_.empty());
  }
  pid_t pid() const { return program_->pid(); }
  void step(const std::string& what) {
    std::string line = what + "\n";
    REQUIRE(write(input_.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size()));
    REQUIRE_FALSE(program_->wait_for_line(fmt::format("done {};", ++steps_)).empty());
  }

 private:
  std::optional<BackgroundProgram> program_;
  UniqueFd input_;
  std::string ready_;
  int steps_ = 0;
};

// Before each sample the target takes its next step.
class SteppingSink : public StoreSink {
 public:
  explicit SteppingSink(std::function<void()> step) : step_(std::move(step)) {}
  void touch(std::string_view what, bool risky) override {
    if (what.starts_with("sample ")) step_();
    StoreSink::touch(what, risky);
  }

 private:
  std::function<void()> step_;
};

using Gather = void (*)(GatherContext&);
using Parse = void (*)(const RawStore&, Snapshot&);

// What these collectors say of the target, which takes a step before each of their samples.
Snapshot sampled(Stepper& target, const std::string& step, int samples, std::initializer_list<Gather> gather,
                 std::initializer_list<Parse> parse) {
  RunOptions options;
  options.samples = samples;
  options.every = std::chrono::milliseconds(1);
  options.profile_seconds = 0;
  auto identity = identify(target.pid());
  REQUIRE(identity);
  SteppingSink sink([&] { target.step(step); });
  for (Gather one : gather) sink.run(one, &*identity, options);
  Snapshot snapshot;
  snapshot.target.pid = target.pid();
  snapshot.target.comm = identity->comm;
  for (Parse one : parse) one(sink.store, snapshot);
  return snapshot;
}

Snapshot after_steps(Stepper& target, const std::string& step, int samples = 10) {
  Snapshot snapshot =
      sampled(target, step, samples, {gather_process_memory, gather_process_facts, gather_gauges, gather_goroutines},
              {parse_process_memory, parse_process_facts, parse_gauges, parse_goroutines});
  REQUIRE(snapshot.gauges);
  CHECK(snapshot.gauges->samples.size() == static_cast<size_t>(samples));
  return snapshot;
}

std::vector<std::string> growth_findings(const Snapshot& snapshot) {
  std::vector<std::string> ids;
  for (const Finding& finding : analyse(snapshot)) {
    UNSCOPED_INFO(finding.id << ": " << finding.detail);
    ids.push_back(finding.id);
  }
  for (const Growth& growth : growths(snapshot)) UNSCOPED_INFO(gauge_key(growth.gauge) << ": " << growth_words(growth));
  return ids;
}
using Ids = std::vector<std::string>;

std::string grows() { return std::string(EC_TARGETS_DIR) + "/grows"; }

bool tells(const Snapshot& snapshot, std::string_view text) {
  for (const Finding& finding : analyse(snapshot))
    for (const Evidence& evidence : finding.evidence)
      if (evidence.excerpt.find(text) != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("a C++ program that leaks is named within ten samples, with the mapping that grows") {
  Stepper target(grows());
  auto snapshot = after_steps(target, "leak");
  CHECK(growth_findings(snapshot) == Ids{"memory-leak-suspect"});
  auto all = growths(snapshot);
  CHECK(growth_of(all, Gauge::kAnonymous)->trend.change() >= 8 << 20);
  CHECK(tells(snapshot, "anonymous mappings by "));
}

TEST_CASE("a C++ program that leaks is named with the call path that takes the memory, without help of its allocator") {
  if (!may_count_events()) return not_run_here("needs performance events");
  Stepper target(grows());
  // Once for the gauges, once for the faults: each is another series of ten samples.
  auto snapshot = after_steps(target, "leak");
  snapshot.page_faults = sampled(target, "leak", 10, {gather_page_faults}, {parse_page_faults}).page_faults;
  REQUIRE(snapshot.page_faults);
  TouchedMemory touched = touched_memory(snapshot);
  REQUIRE_FALSE(touched.by_path.empty());
  const GrownAllocation& path = touched.by_path.front();
  REQUIRE(path.functions.size() >= 2);
  CHECK(path.functions[0].find("remember_request") != std::string::npos);
  CHECK(path.functions[1] == "main");
  // Ten steps of a MiB, of which the kernel samples some faults and counts all.
  CHECK(path.bytes >= 6 << 20);
  CHECK(touched.bytes <= 16 << 20);
  CHECK(growth_findings(snapshot) == Ids{"memory-leak-suspect"});
  CHECK(tells(snapshot, "remember_request"));
  auto artifacts = late_artifacts(snapshot);
  auto profile = std::find_if(artifacts.begin(), artifacts.end(),
                              [](const DerivedArtifact& each) { return each.path == kPageFaultsArtifact; });
  REQUIRE(profile != artifacts.end());
  auto parsed = parse_profile(profile->path, profile->bytes);
  REQUIRE(parsed);
  CHECK(profile_kind("page-faults", parsed->owned.profile) == ProfileKind::kOther);
}

TEST_CASE("a C++ program that fills its cache is not named") {
  Stepper target(grows());
  CHECK(growth_findings(after_steps(target, "cache")).empty());
  // Full from the first sample on.
  CHECK(growth_findings(after_steps(target, "cache")).empty());
}

TEST_CASE("descriptors and threads that grow are named, each by itself") {
  Stepper files(grows());
  CHECK(growth_findings(after_steps(files, "file")) == Ids{"descriptor-leak"});
  Stepper threads(grows());
  CHECK(growth_findings(after_steps(threads, "thread")) == Ids{"thread-growth"});
}

TEST_CASE("the gauges are what proc says") {
  Stepper target(grows());
  for (int i = 0; i < 3; ++i) target.step("file");
  auto snapshot = after_steps(target, "nothing", 2);
  const GaugeSample& sample = snapshot.gauges->samples.back();
  auto value = [&](Gauge gauge) { return sample.value[static_cast<size_t>(gauge)].value(); };
  CHECK(value(Gauge::kThreads) == 1);
  auto open = std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", target.pid()));
  CHECK(value(Gauge::kDescriptors) == static_cast<double>(std::distance(begin(open), end(open))));
  CHECK(value(Gauge::kRss) > value(Gauge::kAnonymous));
  CHECK(value(Gauge::kAnonymous) > 0);
}

TEST_CASE("a Go program that leaks memory or goroutines is named within ten samples") {
  std::string program = build_go("grows", {});
  Stepper memory(program);
  CHECK(growth_findings(after_steps(memory, "leak")) == Ids{"memory-leak-suspect"});
  Stepper goroutines(program);
  auto snapshot = after_steps(goroutines, "goroutine");
  CHECK(growth_findings(snapshot) == Ids{"goroutine-growth"});
  CHECK(tells(snapshot, "main.waitForEver, created by main.main"));
}

TEST_CASE("a Go program that fills its cache is not named") {
  Stepper target(build_go("grows", {}));
  // The collector of garbage needs a few rounds before the heap has its size.
  after_steps(target, "cache");
  CHECK(growth_findings(after_steps(target, "cache", 20)).empty());
}

TEST_CASE("a Go program that leaks is named with the call path that allocates, from its heap profiles") {
  Stepper target(build_go("grows", {}));
  Snapshot snapshot = sampled(target, "leak", 10, {gather_endpoint, gather_runtime_gauges}, {parse_runtime_gauges});
  REQUIRE(snapshot.runtime_gauges);
  CHECK(growth_findings(snapshot) == Ids{"memory-leak-suspect"});
  auto all = growths(snapshot);
  REQUIRE(growth_of(all, Gauge::kHeap));
  CHECK(growth_of(all, Gauge::kHeap)->trend.change() >= 8 << 20);
  CHECK(growth_of(all, Gauge::kGoroutines)->trend.kind == Trend::Kind::kSteady);
  REQUIRE_FALSE(snapshot.runtime_gauges->allocations.empty());
  const GrownAllocation& path = snapshot.runtime_gauges->allocations.front();
  CHECK(path.functions ==
        std::vector<std::string>{"main.touched", "main.rememberSession", "main.main", "runtime.main"});
  CHECK(path.bytes >= 8 << 20);
  CHECK(tells(snapshot, "main.touched < main.rememberSession < main.main"));
}
