#include "collector/collectors/blocked_tasks.h"

#include <map>
#include <set>

#include "collector/base/text.h"
#include "collector/collectors/host_readings.h"
#include "collector/proc/host_stat.h"
#include "collector/proc/loadavg.h"
#include "collector/proc/pid_stat.h"

namespace ec {

namespace {

constexpr std::string_view kBundle = "blocked.bundle";
constexpr size_t kMostTasks = 200;         // with stacks
constexpr uint64_t kMostThreads = 20'000;  // looked at in one reading
constexpr uint64_t kFewTasks = 5'000;      // of the whole host: few enough to look at every thread always
constexpr milliseconds kScanTime{150};

// State of "42 (name) S …": the name may hold parentheses, so the last one counts.
char state_of(std::string_view stat) {
  size_t close = stat.rfind(") ");
  return close == std::string_view::npos || close + 2 >= stat.size() ? '?' : stat[close + 2];
}

// Looking at all threads of a big host is dear: only when something is known to be blocked, or the host is small.
bool worth_a_scan(const ProcRoot& proc, const std::vector<SeenProcess>& processes) {
  for (const SeenProcess& process : processes)
    if (process.state == 'D') return true;
  std::string buffer;
  if (auto text = proc.read("stat", buffer))
    if (auto stat = parse_host_stat("/proc/stat", *text); stat && stat->blocked > 0) return true;
  if (auto text = proc.read("loadavg", buffer))
    if (auto load = parse_loadavg("/proc/loadavg", *text); load && load->tasks <= kFewTasks) return true;
  return false;
}

class Scan {
 public:
  Scan(GatherContext& context, const ProcRoot& proc)
      : context_(context), proc_(proc), bundle_(raw_path(context.reading, kBundle)) {
    context_.out.section(bundle_, "scan/begin", "");
  }

  void task(int pid, int tid, std::string_view stat) {
    if (tasks_++ >= kMostTasks) return;
    std::string folder = fmt::format("{}/task/{}", pid, tid), name = fmt::format("{}/{}", pid, tid);
    context_.out.section(bundle_, name + "/stat", stat);
    // Both wait for a lock that a task in the middle of execve(2) holds.
    for (std::string_view file : {"wchan", "stack"}) {
      std::string path = fmt::format("{}/{}", folder, file);
      std::string touched = "/proc/" + path;
      if (context_.out.hung_before(touched)) continue;
      context_.out.touch(touched, true);
      auto bytes = proc_.read(path.c_str(), buffer_);
      if (bytes)
        context_.out.section(bundle_, fmt::format("{}/{}", name, file), *bytes);
      else
        context_.out.failed_section(bundle_, fmt::format("{}/{}", name, file), bytes.error());
    }
    context_.out.touch("/proc");
  }

  // False when the limits of the scan are reached.
  bool threads_of(const SeenProcess& process, const Deadline& deadline) {
    std::string folder = fmt::format("{}/task", process.pid), path;
    (void)proc_.each_number(folder, [&](int tid) {
      if (tid == process.pid) return true;
      if (++threads_ > kMostThreads || (threads_ % 64 == 0 && deadline.passed())) {
        cut_ = true;
        return false;
      }
      path = fmt::format("{}/{}/stat", folder, tid);
      auto stat = proc_.read(path.c_str(), stat_);
      if (stat && state_of(*stat) == 'D') task(process.pid, tid, *stat);
      return true;
    });
    return !cut_;
  }

  void end() {
    if (cut_)
      context_.out.section(bundle_, "scan/note",
                           fmt::format("not every thread was looked at: stopped after {}", threads_));
    if (tasks_ > kMostTasks)
      context_.out.section(bundle_, "scan/note", fmt::format("{} of {} blocked tasks kept", kMostTasks, tasks_));
  }

 private:
  GatherContext& context_;
  const ProcRoot& proc_;
  std::string bundle_, buffer_, stat_;
  uint64_t threads_ = 0;
  size_t tasks_ = 0;
  bool cut_ = false;
};

std::vector<std::string> frames_of(std::string_view stack) {
  std::vector<std::string> frames;
  LineCursor lines("stack", stack);
  while (auto line = lines.next()) {
    size_t close = line->find("] ");  // "[<0>] futex_wait_queue+0x68/0xa0"
    if (close == std::string_view::npos) continue;
    std::string_view frame = line->substr(close + 2);
    frames.push_back(printable_line(trim(frame.substr(0, frame.rfind('/'))), 200));
    if (frames.size() >= 64) break;
  }
  return frames;
}

std::vector<BlockedTask> tasks_of(const std::vector<Section>& sections) {
  std::vector<BlockedTask> tasks;
  std::map<int, size_t> position;  // a helper that was started again behind a hang repeats what it found before
  for (const Section& section : sections) {
    auto parts = split(section.name, '/');
    auto pid = parse_number<int>(parts[0]);
    auto tid = parts.size() == 3 ? parse_number<int>(parts[1]) : std::nullopt;
    if (!pid || !tid || section.failed) continue;
    auto [known, fresh] = position.try_emplace(*tid, tasks.size());
    if (fresh) {
      tasks.emplace_back();
      tasks.back().pid = *pid;
      tasks.back().tid = *tid;
    }
    BlockedTask& task = tasks[known->second];
    if (parts[2] == "stat") {
      if (auto stat = parse_pid_stat(section.name, section.bytes)) task.comm = printable_line(stat->comm, 64);
    }
    if (parts[2] == "wchan" && section.bytes != "0") task.wchan = printable_line(trim(section.bytes), 100);
    if (parts[2] == "stack") task.kernel_frames = frames_of(section.bytes);
  }
  return tasks;
}

}  // namespace

void gather_blocked_tasks(GatherContext& context, const ProcRoot& proc, const std::vector<SeenProcess>& processes) {
  Scan scan(context, proc);
  bool closer = worth_a_scan(proc, processes);
  std::string path, buffer;
  for (const SeenProcess& process : processes) {
    if (process.state != 'D') continue;
    path = fmt::format("{}/stat", process.pid);
    auto stat = proc.read(path.c_str(), buffer);
    if (stat) scan.task(process.pid, process.pid, *stat);
  }
  Deadline deadline = Deadline::in(kScanTime).earlier_of(context.deadline);
  for (const SeenProcess& process : processes)
    if (closer && process.threads > 1 && !scan.threads_of(process, deadline)) break;
  scan.end();
}

void parse_blocked_tasks(const RawStore& store, Snapshot& snapshot) {
  auto first = store.read(raw_path(Reading::kFirst, kBundle));
  if (!first) {
    snapshot.host.blocked = first.error();
    return;
  }
  std::vector<BlockedTask> tasks = tasks_of(parse_bundle(*first));
  Reading latest = latest_reading(store, kBundle);
  std::set<int> before;
  for (const BlockedTask& task : tasks) before.insert(task.tid);
  if (latest != Reading::kFirst) {
    std::set<int> after;
    for (BlockedTask& task : tasks_of(store.bundle(raw_path(latest, kBundle)))) {
      after.insert(task.tid);
      if (!before.contains(task.tid)) tasks.push_back(std::move(task));
    }
    for (BlockedTask& task : tasks) task.in_both_readings = before.contains(task.tid) && after.contains(task.tid);
  }
  for (BlockedTask& task : tasks) task.of_target = snapshot.target.pid > 0 && task.pid == snapshot.target.pid;
  snapshot.host.blocked = std::move(tasks);
}

}  // namespace ec
