#include "collector/collectors/cpu_profile.h"

#include <sys/types.h>

#include <algorithm>
#include <ctime>
#include <iterator>
#include <map>
#include <thread>

#include "collector/base/text.h"
#include "collector/collectors/sampling.h"
#include "collector/proc/kallsyms.h"
#include "collector/target/perf_events.h"

namespace ec {

namespace {

constexpr std::string_view kBundle = "raw/cpu_profile.bundle", kNames = "raw/cpu_profile.json";
constexpr milliseconds kBetweenTakes{50}, kBetweenSections{1000}, kOneReading{1000}, kReserve{1500};
constexpr int kReadingShare = 20;    // readings of threads take at most one part in so many of our time
constexpr size_t kFewThreads = 256;  // are sampled in any order
constexpr milliseconds kToSeeWhoRuns{100};
constexpr size_t kKallsymsBytes = size_t{64} << 20;

using Out = std::back_insert_iterator<std::string>;

struct Counters {
  uint64_t run_ns = 0, delay_ns = 0;
};
std::optional<Counters> counters_of(TaskDir& tasks, pid_t tid) {
  auto text = tasks.read(tid, "schedstat");
  if (!text) return std::nullopt;
  FieldCursor fields(*text);
  auto run = fields.number<uint64_t>(), delay = fields.number<uint64_t>();
  return run && delay ? std::optional<Counters>({*run, *delay}) : std::nullopt;
}

// 0 when it has no clock any more.
uint64_t cpu_clock_ns(pid_t pid) {
  clockid_t clock;
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

class CpuProfileRun {
 public:
  CpuProfileRun(GatherContext& context, Sampling sampling) : context_(context), sampling_(std::move(sampling)) {}

  void run() {
    start();
    const auto until =
        std::min(began_ + std::chrono::seconds(context_.options.profile_seconds), context_.deadline.at() - kReserve);
    store_section(true);
    while (Clock::now() < until && !ended_) {
      auto next = std::min(Clock::now() + kBetweenTakes, until);
      context_.out.touch("the next samples of CPU time");
      std::this_thread::sleep_until(next);
      sampler().take();
      // Once a second, and at the end.
      ended_ = changed(*context_.target).has_value();
      bool last = Clock::now() >= until || ended_;
      if (last || Clock::now() - stored_ >= kBetweenSections) store_section(last);
    }
    store_names();
  }

 private:
  // Of many threads those that run now come first: there may not be a descriptor for each.
  std::vector<pid_t> threads_to_sample() {
    std::vector<pid_t> tids = sampling_.threads();
    if (tids.size() <= kFewThreads) return tids;
    std::map<pid_t, uint64_t> before, ran;
    for (pid_t tid : tids)
      if (auto counters = counters_of(sampling_.tasks(), tid)) before[tid] = counters->run_ns;
    std::this_thread::sleep_for(kToSeeWhoRuns);
    for (pid_t tid : tids)
      if (auto counters = counters_of(sampling_.tasks(), tid)) ran[tid] = counters->run_ns - before[tid];
    std::stable_sort(tids.begin(), tids.end(), [&](pid_t a, pid_t b) { return ran[a] > ran[b]; });
    return tids;
  }

  void start() {
    context_.out.touch("perf_event_open");
    std::vector<pid_t> tids = threads_to_sample();
    auto started = sampler().start(tids);
    std::string plan = fmt::format("hz {}\nasked_ns {}\n", kSamplesPerSecond,
                                   int64_t{context_.options.profile_seconds} * 1'000'000'000);
    if (started) {
      sampling_.cover_all();
      const PerfEvents& events = *sampler().events();
      // Without want of descriptors, those for which there is no event had ended.
      plan += fmt::format("event {}\nunit {}\nkernel {}\nthreads {}\nsampled {}\nstack_bytes {}\ncpus {}\n",
                          events.cycles() ? "cycles" : "cpu-clock", events.cycles() ? "cycles" : "ns",
                          events.kernel() ? 1 : 0, events.out_of_descriptors() ? tids.size() : events.threads(),
                          events.threads(), events.stack_bytes(), events.cpus());
    } else {
      SamplingRefusal refused = refusal_of(started.error());
      plan += fmt::format("threads {}\nrefused {}\nfix {}\n", tids.size(), printable_line(refused.why.message(), 300),
                          refused.fix);
      context_.out.failed("raw/cpu_samples", fmt::format("perf_event_open of {}", request().pid), refused.why,
                          refused.fix);
    }
    context_.out.section(kBundle, "plan", plan);
    began_ = stored_ = Clock::now();
    cpu_before_ns_ = cpu_clock_ns(request().pid);
  }

  // What every thread has run and waited for so far, and where it is blocked. Nobody is stopped for it.
  std::string thread_lines() {
    context_.out.touch("stacks of blocked threads");
    auto began = Clock::now();
    request().deadline = Deadline::in(kOneReading).earlier_of(context_.deadline);
    std::map<pid_t, int64_t> blocked;
    if (context_.options.stacks != StackMode::kNone && context_.options.stacks != StackMode::kKernel)
      if (auto dump = dump_stacks(request()))
        for (const DumpedThread& thread : dump->threads)
          if (thread.stack) blocked[thread.tid] = sampler().keep(dump->stacks[*thread.stack]);
    std::string text;
    for (pid_t tid : sampling_.threads()) {
      auto counters = counters_of(sampling_.tasks(), tid);
      if (!counters) continue;
      auto stack = blocked.find(tid);
      fmt::format_to(Out(text), "thread {} {} {} {}\n", tid, counters->run_ns, counters->delay_ns,
                     stack == blocked.end() ? -1 : stack->second);
    }
    next_reading_ = Clock::now() + kReadingShare * (Clock::now() - began);
    return text;
  }

  void store_section(bool with_threads) {
    stored_ = Clock::now();
    sampling_.cover_newcomers();
    std::string threads = with_threads || Clock::now() >= next_reading_ ? thread_lines() : "";
    auto at_ns = std::chrono::duration_cast<nanoseconds>(Clock::now() - began_).count();
    std::string text = fmt::format("at {}\n", at_ns);
    if (uint64_t now = cpu_clock_ns(request().pid); now >= cpu_before_ns_ && now != 0)
      last_cpu_ns_ = now - cpu_before_ns_;
    fmt::format_to(Out(text), "cpu {}\n", last_cpu_ns_);
    if (ended_) text += "target ended\n";
    text += sampling_.lines();
    context_.out.section(kBundle, std::to_string(sections_++), text + threads);
    context_.out.touch("the next samples of CPU time", true);  // flushes: what was sampled survives
  }

  void store_names() {
    std::vector<uint64_t> kernel;
    for (const auto& chain : sampler().chains()) kernel.insert(kernel.end(), chain.begin(), chain.end());
    if (!kernel.empty()) {
      context_.out.touch("/proc/kallsyms");
      std::string text;
      if (auto symbols = read_file("/proc/kallsyms", kKallsymsBytes))
        for (const auto& [address, name] : kernel_functions(*symbols, kernel))
          fmt::format_to(Out(text), "{:x} {}\n", address, name);
      context_.out.section(kBundle, "kernel", text);
    }
    sampling_.store_names(kNames);
  }

  CpuSampler& sampler() { return sampling_.sampler(); }
  DumpRequest& request() { return sampling_.request(); }

  GatherContext& context_;
  Sampling sampling_;
  Clock::time_point began_{}, stored_{}, next_reading_{};
  uint64_t cpu_before_ns_ = 0, last_cpu_ns_ = 0;
  size_t sections_ = 0;
  bool ended_ = false;
};

}  // namespace

void gather_cpu_profile(GatherContext& context) {
  const RunOptions& options = context.options;
  if (options.profile_seconds <= 0) return;
  const TargetIdentity& target = *context.target;
  const std::string source = fmt::format("perf_event_open of {}", target.pid);
  if (context.profile_turn) {
    context.out.touch("whether an endpoint gives a CPU profile");
    Deadline latest(context.deadline.at() - std::chrono::seconds(options.profile_seconds) - 2 * kReserve);
    auto answer = context.profile_turn->wait(latest);
    if (answer == ProfileTurn::Answer::kGiven) return;
    if (answer == ProfileTurn::Answer::kStillPulling)
      return context.out.failed(
          "raw/cpu_samples", source,
          Error{ErrorCode::kSkipped, "", "an endpoint of the target was still taking a CPU profile", 0},
          "--deadline with a larger number");
  }
  if (auto sampling = Sampling::open(context, kBundle, source)) CpuProfileRun(context, std::move(*sampling)).run();
}

CpuProfileOutlook cpu_profile_outlook(const TargetIdentity& target) {
  auto events = PerfEvents::open(target.pid, {target.live_tid > 0 ? target.live_tid : target.pid});
  if (events) return {"", "", events->cycles(), events->kernel()};
  SamplingRefusal refused = refusal_of(events.error());
  return {printable_line(refused.why.message(), 300), refused.fix};
}

}  // namespace ec
