#include "collector/collectors/cpu_profile.h"

#include <fcntl.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <iterator>
#include <map>
#include <thread>

#include "collector/base/text.h"
#include "collector/collectors/stacks.h"
#include "collector/proc/kallsyms.h"
#include "collector/stacks/cpu_sampler.h"
#include "collector/target/task_dir.h"

namespace ec {

namespace {

constexpr std::string_view kBundle = "raw/cpu_profile.bundle", kNames = "raw/cpu_profile.json";
constexpr milliseconds kBetweenTakes{50}, kBetweenSections{1000}, kOneReading{1000}, kReserve{1500};
constexpr int kReadingShare = 20;    // readings of threads take at most one part in so many of our time
constexpr size_t kFewThreads = 256;  // are sampled in any order
constexpr int kMostRounds = 5;
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

std::string fix_of(const Error& error) {
  if (error.sys_errno == EACCES)
    return "run as root or with CAP_PERFMON, or sysctl kernel.perf_event_paranoid=2 for processes of one's own";
  if (error.sys_errno == EPERM)
    return "run it where no seccomp filter forbids perf_event_open: on the host, or in a container with CAP_PERFMON";
  if (error.sys_errno == ENOSYS) return "a kernel with CONFIG_PERF_EVENTS";
  if (error.sys_errno == EMFILE) return "raise the limit of open files (ulimit -n)";
  return {};
}

// What the error says, and the setting that most refusals come from.
Error refusal(Error error) {
  if (error.sys_errno != EACCES) return error;
  if (auto paranoid = read_file("/proc/sys/kernel/perf_event_paranoid", 32))
    error.detail +=
        fmt::format("{}kernel.perf_event_paranoid is {}", error.detail.empty() ? "" : "; ", trim(*paranoid));
  return error;
}

class CpuProfileRun {
 public:
  CpuProfileRun(GatherContext& context, TaskDir tasks, std::unique_ptr<CpuSampler> sampler, DumpRequest request)
      : context_(context), tasks_(std::move(tasks)), sampler_(std::move(sampler)), request_(std::move(request)) {}

  void run() {
    root_.reset(open(fmt::format("/proc/{}/root", request_.live_tid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    start();
    const auto until =
        std::min(began_ + std::chrono::seconds(context_.options.profile_seconds), context_.deadline.at() - kReserve);
    store_section(true);
    while (Clock::now() < until && !ended_) {
      auto next = std::min(Clock::now() + kBetweenTakes, until);
      context_.out.touch("the next samples of CPU time");
      std::this_thread::sleep_until(next);
      sampler_->take();
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
    auto listed = tasks_.list();
    std::vector<pid_t> tids = listed ? *listed : std::vector<pid_t>{};
    if (tids.size() <= kFewThreads) return tids;
    std::map<pid_t, uint64_t> before, ran;
    for (pid_t tid : tids)
      if (auto counters = counters_of(tasks_, tid)) before[tid] = counters->run_ns;
    std::this_thread::sleep_for(kToSeeWhoRuns);
    for (pid_t tid : tids)
      if (auto counters = counters_of(tasks_, tid)) ran[tid] = counters->run_ns - before[tid];
    std::stable_sort(tids.begin(), tids.end(), [&](pid_t a, pid_t b) { return ran[a] > ran[b]; });
    return tids;
  }

  void start() {
    context_.out.touch("perf_event_open");
    std::vector<pid_t> tids = threads_to_sample();
    auto started = sampler_->start(tids);
    std::string plan = fmt::format("hz {}\nasked_ns {}\n", kSamplesPerSecond,
                                   int64_t{context_.options.profile_seconds} * 1'000'000'000);
    if (started) {
      for (int round = 0; round < kMostRounds && cover_newcomers(); ++round) continue;
      const PerfEvents& events = *sampler_->events();
      // Without want of descriptors, those for which there is no event had ended.
      plan += fmt::format("event {}\nunit {}\nkernel {}\nthreads {}\nsampled {}\nstack_bytes {}\ncpus {}\n",
                          events.cycles() ? "cycles" : "cpu-clock", events.cycles() ? "cycles" : "ns",
                          events.kernel() ? 1 : 0, events.out_of_descriptors() ? tids.size() : events.threads(),
                          events.threads(), events.stack_bytes(), events.cpus());
    } else {
      Error why = refusal(started.error());
      plan +=
          fmt::format("threads {}\nrefused {}\nfix {}\n", tids.size(), printable_line(why.message(), 300), fix_of(why));
      context_.out.failed("raw/cpu_samples", fmt::format("perf_event_open of {}", request_.pid), why, fix_of(why));
    }
    context_.out.section(kBundle, "plan", plan);
    began_ = stored_ = Clock::now();
    cpu_before_ns_ = cpu_clock_ns(request_.pid);
  }

  // Threads whose parent was not counted for yet when they were born are not either; the records of the kernel tell
  // them from those that are: whoever is listed was born before the records are read.
  bool cover_newcomers() {
    PerfEvents* events = sampler_->events();
    auto tids = tasks_.list();
    if (!events || !tids || events->out_of_descriptors()) return false;
    sampler_->take();
    size_t before = events->threads();
    events->add(*tids);
    return events->threads() > before;
  }

  static void write_frames(std::string& text, std::string_view word, size_t number, const std::vector<uint64_t>& pcs) {
    fmt::format_to(Out(text), "{} {}", word, number);
    for (uint64_t pc : pcs) fmt::format_to(Out(text), " {:x}", pc);
    text += '\n';
  }

  void write_new_stacks(std::string& text) {
    const auto& stacks = sampler_->dump().stacks;
    for (; stacks_written_ < stacks.size(); ++stacks_written_) {
      std::vector<uint64_t> pcs;
      for (const PcFrame& frame : stacks[stacks_written_].frames) pcs.push_back(frame.pc);
      write_frames(text, "stack", stacks_written_, pcs);
    }
    const auto& chains = sampler_->chains();
    for (; chains_written_ < chains.size(); ++chains_written_)
      write_frames(text, "chain", chains_written_, chains[chains_written_]);
  }

  // What every thread has run and waited for so far, and where it is blocked. Nobody is stopped for it.
  std::string thread_lines() {
    context_.out.touch("stacks of blocked threads");
    auto began = Clock::now();
    request_.deadline = Deadline::in(kOneReading).earlier_of(context_.deadline);
    std::map<pid_t, int64_t> blocked;
    if (context_.options.stacks != StackMode::kNone && context_.options.stacks != StackMode::kKernel)
      if (auto dump = dump_stacks(request_))
        for (const DumpedThread& thread : dump->threads)
          if (thread.stack) blocked[thread.tid] = sampler_->keep(dump->stacks[*thread.stack]);
    std::string text;
    auto tids = tasks_.list();
    for (pid_t tid : tids ? *tids : std::vector<pid_t>{}) {
      auto counters = counters_of(tasks_, tid);
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
    cover_newcomers();
    std::string threads = with_threads || Clock::now() >= next_reading_ ? thread_lines() : "";
    sampler_->take();
    CpuSampler::Harvest harvest = sampler_->harvest();
    auto at_ns = std::chrono::duration_cast<nanoseconds>(Clock::now() - began_).count();
    std::string text = fmt::format("at {}\n", at_ns);
    if (uint64_t now = cpu_clock_ns(request_.pid); now >= cpu_before_ns_ && now != 0)
      last_cpu_ns_ = now - cpu_before_ns_;
    fmt::format_to(Out(text), "cpu {}\n", last_cpu_ns_);
    for (auto [word, count] : {std::pair{"lost", harvest.lost},
                               {"cut", harvest.cut},
                               {"unkept", harvest.unkept},
                               {"elsewhere", harvest.elsewhere}})
      if (count > 0) fmt::format_to(Out(text), "{} {}\n", word, count);
    if (ended_) text += "target ended\n";
    write_new_stacks(text);
    for (const CpuSamples& each : harvest.samples)
      fmt::format_to(Out(text), "sample {} {} {} {} {}\n", each.tid, each.stack, each.chain, each.count, each.weight);
    context_.out.section(kBundle, std::to_string(sections_++), text + threads);
    context_.out.touch("the next samples of CPU time", true);  // flushes: what was sampled survives
  }

  void store_names() {
    std::vector<uint64_t> kernel;
    for (const auto& chain : sampler_->chains()) kernel.insert(kernel.end(), chain.begin(), chain.end());
    if (!kernel.empty()) {
      context_.out.touch("/proc/kallsyms");
      std::string text;
      if (auto symbols = read_file("/proc/kallsyms", kKallsymsBytes))
        for (const auto& [address, name] : kernel_functions(*symbols, kernel))
          fmt::format_to(Out(text), "{:x} {}\n", address, name);
      context_.out.section(kBundle, "kernel", text);
    }
    context_.out.touch("names");
    const StackDump& dump = sampler_->dump();
    Deadline until = context_.deadline.after_share(0.8);
    const auto& directories = request_.debug_directories;
    JitFrames jit = name_jit_frames(dump, request_.live_tid, root_.get(), until);
    NamedStacks named = name_frames(dump, root_.get(), until, directories, jit);
    if (context_.options.lines) add_lines(dump, root_.get(), until, directories, named);
    context_.out.artifact(kNames, fmt::format("files of /proc/{}/maps", request_.pid),
                          stacks_json(dump, named, StackMode::kNoStop, milliseconds(0)), Redact::kNothing);
  }

  GatherContext& context_;
  TaskDir tasks_;
  std::unique_ptr<CpuSampler> sampler_;
  DumpRequest request_;
  UniqueFd root_;
  Clock::time_point began_{}, stored_{}, next_reading_{};
  uint64_t cpu_before_ns_ = 0, last_cpu_ns_ = 0;
  size_t stacks_written_ = 0, chains_written_ = 0, sections_ = 0;
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
  auto tasks = TaskDir::open(target.pid);
  if (!tasks) return context.out.failed(kBundle, source, tasks.error(), fix_for(tasks.error(), source));
  DumpRequest request;
  request.pid = target.pid;
  request.live_tid = target.live_tid > 0 ? target.live_tid : target.pid;
  request.mode = DumpMode::kNoStop;
  request.debug_directories = options.debug_directories;
  request.may_try = [&](const std::string& what) {
    if (std::find(context.hung.begin(), context.hung.end(), what) != context.hung.end()) return false;
    context.out.touch(what, what.starts_with("file "));
    return true;
  };
  auto sampler = CpuSampler::open(request);
  if (!sampler) return context.out.failed(kBundle, source, sampler.error(), fix_for(sampler.error(), source));
  CpuProfileRun(context, std::move(*tasks), std::move(*sampler), std::move(request)).run();
}

}  // namespace ec
