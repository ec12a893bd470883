#include "collector/collectors/threads.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <unordered_map>

#include "collector/base/text.h"
#include "collector/collectors/futex_words.h"
#include "collector/collectors/host_constants.h"
#include "collector/collectors/syscalls.h"
#include "collector/proc/pid_stat.h"
#include "collector/target/task_dir.h"
#include "collector/target/task_syscall.h"

namespace ec {

namespace {

constexpr std::string_view kKernelStack = "stack";
constexpr std::array<const char*, 6> kFiles{"stat", "schedstat", "status", "wchan", "syscall", "stack"};

std::string bundle_path(int pid) { return fmt::format("proc/{}/task.bundle", pid); }

// Sections of one thread by file name; the views point into the store.
struct RawThread {
  std::array<const Section*, kFiles.size()> files{};
};

const Section* find_file(const RawThread& raw, std::string_view name) {
  for (size_t i = 0; i < kFiles.size(); ++i)
    if (name == kFiles[i]) return raw.files[i];
  return nullptr;
}

std::map<int, RawThread> group_by_thread(const std::vector<Section>& sections, std::string* machine) {
  std::map<int, RawThread> threads;
  for (const Section& section : sections) {
    if (section.name == "machine" && machine) *machine = std::string(trim(section.bytes));
    size_t slash = section.name.find('/');
    if (slash == std::string_view::npos) continue;
    auto tid = parse_number<int>(section.name.substr(0, slash));
    if (!tid) continue;
    std::string_view file = section.name.substr(slash + 1);
    for (size_t i = 0; i < kFiles.size(); ++i)
      if (file == kFiles[i]) threads[*tid].files[i] = &section;
  }
  return threads;
}

struct Schedstat {
  uint64_t run_ns = 0, wait_ns = 0;
};

// "RUN_NS WAIT_NS TIMESLICES", Documentation/scheduler/sched-stats.rst.
std::optional<Schedstat> schedstat_of(const Section* section) {
  if (!section || section->failed) return std::nullopt;
  FieldCursor fields(trim(section->bytes));
  auto run = fields.number<uint64_t>(), wait = fields.number<uint64_t>();
  if (!run || !wait) return std::nullopt;
  return Schedstat{*run, *wait};
}

void apply_status(std::string_view text, Thread& thread) {
  LineCursor lines("status", text);
  while (auto line = lines.next()) {
    size_t colon = line->find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view key = line->substr(0, colon);
    FieldCursor fields(line->substr(colon + 1));
    if (key == "NSpid") {
      while (auto pid = fields.number<int>()) thread.ns_tid = *pid;  // the last one is its own view
    } else if (key == "voluntary_ctxt_switches") {
      thread.voluntary_switches = fields.number<uint64_t>().value_or(0);
    } else if (key == "nonvoluntary_ctxt_switches") {
      thread.involuntary_switches = fields.number<uint64_t>().value_or(0);
    }
  }
}

// "[<0>] futex_wait_queue+0x68/0xb0": the size of the function adds nothing.
Part<std::vector<std::string>> kernel_frames_of(const Section* section) {
  if (!section) return Error{ErrorCode::kSkipped, "stack", "not collected", 0};
  if (section->failed) return section->error;
  std::vector<std::string> frames;
  LineCursor lines("stack", section->bytes);
  while (auto line = lines.next()) {
    std::string_view text = *line;
    if (size_t bracket = text.find("] "); text.starts_with("[<") && bracket != std::string_view::npos)
      text.remove_prefix(bracket + 2);
    if (size_t size = text.find("/0x"); size != std::string_view::npos) {
      size_t space = text.find(' ', size);  // " [module]" stays
      frames.push_back(std::string(text.substr(0, size)) +
                       (space == std::string_view::npos ? std::string{} : std::string(text.substr(space))));
    } else if (!trim(text).empty()) {
      frames.emplace_back(trim(text));
    }
  }
  return frames;
}

Part<BlockedCall> call_of(const Section* section, std::string_view machine, const DescriptorWords& descriptor) {
  if (!section) return Error{ErrorCode::kSkipped, "syscall", "not collected", 0};
  if (section->failed) return section->error;
  auto raw = parse_task_syscall(section->name, section->bytes);
  if (!raw) return raw.error();
  if (raw->running) return Error{ErrorCode::kUnsupported, std::string(section->name), "running", 0};
  if (raw->stack_pointer == 0 && raw->program_counter == 0)  // a kernel thread calls nobody
    return Error{ErrorCode::kUnsupported, std::string(section->name), "no user stack", 0};
  BlockedCall call;
  call.number = raw->number;
  call.stack_pointer = raw->stack_pointer;
  call.program_counter = raw->program_counter;
  if (call.number >= 0) {
    call.name = std::string(syscall_name(machine, call.number));
    call.arguments.assign(raw->arguments.begin(), raw->arguments.end());
  }
  call.text = describe_call(call, descriptor);
  return call;
}

// Descriptors in words: as the files collector understood them, else the link texts it stored.
DescriptorWords descriptor_words(const RawStore& store, const Snapshot& snapshot) {
  if (snapshot.files) return [&files = *snapshot.files](int fd) { return describe_descriptor(files, fd); };
  std::unordered_map<int, std::string> links;
  for (const Section& section : store.bundle(fmt::format("raw/proc/{}/fd.bundle", snapshot.target.pid))) {
    if (section.failed || !section.name.ends_with("/link")) continue;
    if (auto fd = parse_number<int>(section.name.substr(0, section.name.find('/'))))
      links.emplace(*fd, printable_line(section.bytes, 200));
  }
  return [links = std::move(links)](int fd) {
    auto found = links.find(fd);
    return found == links.end() ? std::string{} : found->second;
  };
}

void apply_rates(const RawThread& first, const RawThread& latest, double seconds, int64_t ticks, Thread& thread) {
  auto before = schedstat_of(find_file(first, "schedstat")), after = schedstat_of(find_file(latest, "schedstat"));
  if (before && after && after->run_ns >= before->run_ns && after->wait_ns >= before->wait_ns && after->run_ns > 0) {
    thread.cpu_cores = static_cast<double>(after->run_ns - before->run_ns) / 1e9 / seconds;
    thread.run_delay = static_cast<double>(after->wait_ns - before->wait_ns) / 1e9 / seconds;
    return;
  }
  const Section *stat_before = find_file(first, "stat"), *stat_after = find_file(latest, "stat");
  if (!stat_before || !stat_after || stat_before->failed || stat_after->failed) return;
  auto start = parse_pid_stat(stat_before->name, stat_before->bytes),
       end = parse_pid_stat(stat_after->name, stat_after->bytes);
  if (!start || !end || start->start_ticks != end->start_ticks) return;
  uint64_t used_before = start->user_ticks + start->system_ticks, used_after = end->user_ticks + end->system_ticks;
  if (used_after >= used_before)
    thread.cpu_cores = static_cast<double>(used_after - used_before) / static_cast<double>(ticks) / seconds;
  // Less than a tick is no tick: whoever had a CPU in between shows by having been switched away from it.
  const Section* status = find_file(latest, "status");
  if (!status || status->failed) return;
  Thread now;
  apply_status(status->bytes, now);
  thread.switched =
      now.voluntary_switches != thread.voluntary_switches || now.involuntary_switches != thread.involuntary_switches;
}

bool wanted(std::string_view file, const RunOptions& options) {
  if (options.brief_threads) return file == "stat" || file == "syscall";
  return file != kKernelStack || options.stacks != StackMode::kNone;
}

void gather_thread(TaskDir& tasks, pid_t tid, const RunOptions& options, Sink& out, const std::string& bundle) {
  for (const char* file : kFiles) {
    if (!wanted(file, options)) continue;
    auto bytes = tasks.read(tid, file);
    std::string name = fmt::format("{}/{}", tid, file);
    if (bytes)
      out.section(bundle, name, *bytes);
    else if (bytes.error().code == ErrorCode::kGone && file == kFiles.front())
      return;  // ended since it was listed
    else if (bytes.error().code != ErrorCode::kNotFound)
      out.failed_section(bundle, name, bytes.error());
  }
}

// What a second reading is for: schedstat alone where the kernel fills it, else the clock ticks of stat and the context
// switches of status. A thread that ended has nothing.
void gather_run_time(TaskDir& tasks, pid_t tid, Sink& out, const std::string& bundle) {
  auto schedstat = tasks.read(tid, "schedstat");
  if (schedstat && FieldCursor(*schedstat).number<uint64_t>().value_or(0) > 0)
    return out.section(bundle, fmt::format("{}/schedstat", tid), *schedstat);
  for (const char* file : {"stat", "status"})
    if (auto bytes = tasks.read(tid, file)) out.section(bundle, fmt::format("{}/{}", tid, file), *bytes);
}

}  // namespace

void gather_threads(GatherContext& context) {
  const int pid = context.target->pid;
  const std::string bundle = raw_path(context.reading, bundle_path(pid));
  auto tasks = TaskDir::open(pid);
  if (!tasks) return context.out.failed(bundle, fmt::format("/proc/{}/task", pid), tasks.error());
  auto tids = tasks->list();
  if (!tids) return context.out.failed(bundle, fmt::format("/proc/{}/task", pid), tids.error());

  const bool first = context.reading == Reading::kFirst;
  if (first) {
    utsname system{};
    uname(&system);
    context.out.section(bundle, "machine", system.machine);
  }
  // After a hang, go on behind the thread that hung.
  int behind = context.hung.empty() ? 0 : std::atoi(context.hung.back().c_str());
  for (pid_t tid : *tids) {
    if (tid <= behind) continue;
    if (context.deadline.passed()) {
      context.out.failed_section(
          bundle, fmt::format("{}/stat", tid),
          Error{ErrorCode::kTimeout, "", "the time for threads was used up before this thread", 0});
      return;
    }
    context.out.touch(std::to_string(tid));
    if (first)
      gather_thread(*tasks, tid, context.options, context.out, bundle);
    else
      gather_run_time(*tasks, tid, context.out, bundle);
  }
}

void parse_threads(const RawStore& store, Snapshot& snapshot) {
  const std::string path = bundle_path(snapshot.target.pid);
  auto bytes = store.read(raw_path(Reading::kFirst, path));
  if (!bytes) {
    snapshot.threads = bytes.error();
    return;
  }
  std::string machine;
  const std::vector<Section> sections = parse_bundle(*bytes);
  const auto raw_threads = group_by_thread(sections, &machine);
  std::vector<Section> latest_sections;
  std::map<int, RawThread> latest;
  const double seconds = interval_seconds(store, path);
  if (seconds > 0) {
    latest_sections = store.bundle(raw_path(latest_reading(store, path), path));
    latest = group_by_thread(latest_sections, nullptr);
  }

  const HostConstants constants = host_constants(store);
  const double ticks = static_cast<double>(constants.clock_ticks);
  const DescriptorWords descriptor = descriptor_words(store, snapshot);
  std::vector<Thread> threads;
  threads.reserve(raw_threads.size());
  for (const auto& [tid, raw] : raw_threads) {
    const Section* stat_section = find_file(raw, "stat");
    if (!stat_section || stat_section->failed) continue;
    auto stat = parse_pid_stat(stat_section->name, stat_section->bytes);
    if (!stat) continue;
    Thread thread;
    thread.tid = tid;
    thread.ns_tid = tid;
    thread.name = printable_line(stat->comm, 64);
    thread.state = stat->state;
    thread.user_cpu_seconds = static_cast<double>(stat->user_ticks) / ticks;
    thread.system_cpu_seconds = static_cast<double>(stat->system_ticks) / ticks;
    if (constants.boottime_ns > 0)
      thread.age_seconds = std::max(
          0.0, static_cast<double>(constants.boottime_ns) / 1e9 - static_cast<double>(stat->start_ticks) / ticks);
    thread.nice = stat->nice;
    thread.priority = stat->priority;
    thread.last_cpu = stat->last_cpu;
    thread.scheduler = scheduler_name(stat->policy);
    if (auto* status = find_file(raw, "status"); status && !status->failed) apply_status(status->bytes, thread);
    if (auto* wchan = find_file(raw, "wchan"); wchan && !wchan->failed)
      thread.wchan = printable_line(trim(wchan->bytes), 100);
    thread.kernel_frames = kernel_frames_of(find_file(raw, "stack"));
    thread.call = call_of(find_file(raw, "syscall"), machine, descriptor);
    if (auto again = latest.find(tid); seconds > 0 && again != latest.end())
      apply_rates(raw, again->second, seconds, constants.clock_ticks, thread);
    threads.push_back(std::move(thread));
  }
  apply_futex_words(store, threads);
  snapshot.threads = std::move(threads);
}

}  // namespace ec
