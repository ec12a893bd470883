#include "collector/collectors/processes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <unordered_map>

#include "collector/base/text.h"
#include "collector/collectors/blocked_tasks.h"
#include "collector/collectors/host_constants.h"
#include "collector/collectors/host_readings.h"
#include "collector/collectors/host_system.h"
#include "collector/proc/pid_stat.h"
#include "collector/proc/proc_root.h"

namespace ec {

namespace {

constexpr std::string_view kBundle = "processes.bundle";
constexpr size_t kBatch = 64;          // command lines handed on together
constexpr size_t kHangsTolerated = 3;  // then no further command line is read
constexpr double kYoungSeconds = 30;
constexpr size_t kCommandLineBytes = 4096;

int64_t boottime_ns() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

class ProcessReader {
 public:
  ProcessReader(GatherContext& context, const ProcRoot& proc)
      : context_(context), proc_(proc), bundle_(raw_path(context.reading, kBundle)) {}

  // What takes no lock of the process and cannot hang.
  void read_stats() {
    context_.out.touch("/proc");
    begin_ns_ = boottime_ns();
    (void)proc_.each_number("", [&](int pid) {
      std::snprintf(path_, sizeof path_, "%d/stat", pid);
      auto text = proc_.read(path_, buffer_);
      if (!text) return true;  // it ended meanwhile
      if (!note(pid, *text)) return true;
      if (!context_.hung.empty()) return true;  // the helper that hung has stored it
      context_.out.section(bundle_, path_, *text);
      std::snprintf(path_, sizeof path_, "%d", pid);
      struct stat owner {};
      // A process that the first reading cannot have seen is worth its name and user too.
      if ((context_.reading == Reading::kFirst || seen_.back().young) && fstatat(proc_.fd(), path_, &owner, 0) == 0) {
        std::snprintf(path_, sizeof path_, "%d/uid", pid);
        context_.out.section(bundle_, path_, std::to_string(owner.st_uid));
      }
      return true;
    });
    if (context_.hung.empty())
      context_.out.section(bundle_, "clock/stat", fmt::format("{} {}", begin_ns_, boottime_ns()));
  }

  // What waits for a lock that its owner may hold for ever: the mmap lock for cmdline, that of execve for io. Handed on
  // in batches, so that the risky touch has nothing to flush most of the time; after a hang the last batch is read
  // again.
  void read_details() {
    int64_t begin = boottime_ns();
    size_t from = 0;
    if (int hung = last_hung_pid(); hung > 0) {
      while (from < seen_.size() && seen_[from].pid <= hung) ++from;
      from -= std::min(from, kBatch);
    }
    bool give_up = context_.hung.size() >= kHangsTolerated;
    if (give_up)
      context_.out.failed_section(
          bundle_, "details/rest",
          Error{ErrorCode::kTimeout, bundle_, "command lines not read: several processes hung", 0});
    for (; from < seen_.size() && !give_up; ++from) {
      details_of(seen_[from]);
      if (pending_.size() >= kBatch) hand_on();
      if (from % kBatch == 0 && context_.deadline.passed()) {
        context_.out.failed_section(bundle_, "details/rest",
                                    Error{ErrorCode::kTimeout, bundle_, "the time budget ended", 0});
        break;
      }
    }
    hand_on();
    context_.out.touch("/proc");
    context_.out.section(bundle_, "clock/io", fmt::format("{} {}", begin, boottime_ns()));
  }

  const std::vector<SeenProcess>& seen() const { return seen_; }

 private:
  bool note(int pid, std::string_view text) {
    auto stat = parse_pid_stat("stat", text);
    if (!stat) return false;
    double age = static_cast<double>(begin_ns_) / 1e9 - static_cast<double>(stat->start_ticks) / ticks_;
    seen_.push_back({pid, stat->state, stat->threads, stat->kernel_thread(), stat->user_ticks + stat->system_ticks == 0,
                     age < kYoungSeconds});
    return true;
  }

  // 0: none of these reads has hung yet.
  int last_hung_pid() const {
    int last = 0;
    for (const std::string& name : context_.hung) {
      auto parts = split(name, '/');  // "/proc/42/cmdline"
      if (parts.size() == 4) last = std::max(last, parse_number<int>(parts[2]).value_or(0));
    }
    return last;
  }

  void details_of(const SeenProcess& process) {
    if (process.kernel_thread || process.state == 'Z' || process.state == 'X') return;
    std::string folder = std::to_string(process.pid);
    bool names = context_.reading == Reading::kFirst || process.young;
    if (names)
      if (auto exe = proc_.link(folder + "/exe")) pending_.emplace_back(folder + "/exe", std::move(*exe));
    // The target's own collectors read the rest with more patience; a hang here must not take the place of what they
    // find.
    if (context_.target && process.pid == context_.target->pid) return;
    if (names) add(folder, "cmdline", kCommandLineBytes);
    // Thousands of idle processes are what makes a sweep long, and they did no IO worth a line.
    if (io_allowed_ && !process.never_ran) add(folder, "io", 4096);
  }

  void add(const std::string& folder, std::string_view file, size_t limit) {
    std::string path = fmt::format("{}/{}", folder, file), touched = "/proc/" + path;
    if (context_.out.hung_before(touched)) return;
    context_.out.touch(touched, true);
    auto bytes = proc_.read(path.c_str(), buffer_, limit);
    if (bytes) pending_.emplace_back(std::move(path), *bytes);
    // Without the privilege only our own processes show their IO: do not ask thousands of times.
    else if (file == "io" && bytes.error().code == ErrorCode::kDenied && ++io_denied_ > 16)
      io_allowed_ = false;
  }

  void hand_on() {
    for (auto& [name, bytes] : pending_) context_.out.section(bundle_, name, bytes);
    pending_.clear();
  }

  GatherContext& context_;
  const ProcRoot& proc_;
  std::string bundle_, buffer_;
  char path_[40] = {};
  std::vector<SeenProcess> seen_;
  std::vector<std::pair<std::string, std::string>> pending_;
  int64_t begin_ns_ = 0;
  const double ticks_ = static_cast<double>(sysconf(_SC_CLK_TCK));
  bool io_allowed_ = true;
  int io_denied_ = 0;
};

// One reading, by process.
struct ProcessTexts {
  std::string_view stat, cmdline, exe, io, uid;
  size_t position = 0;
};
struct ProcessReading {
  std::unordered_map<int, ProcessTexts> by_pid;
  size_t count = 0;
  double stat_begin = 0, stat_end = 0, io_begin = 0;  // seconds since boot

  // The processes are read in one sweep; each has its own moment.
  double stat_at(const ProcessTexts& texts) const {
    return stat_begin + (stat_end - stat_begin) * static_cast<double>(texts.position) /
                            static_cast<double>(std::max<size_t>(count, 1));
  }
};

ProcessReading index(const RawStore& store, Reading reading, int target_pid) {
  ProcessReading result;
  auto bytes = store.read(raw_path(reading, kBundle));
  if (!bytes) return result;
  for (const Section& section : parse_bundle(*bytes)) {
    size_t slash = section.name.find('/');
    if (slash == std::string_view::npos || section.failed) continue;
    std::string_view name = section.name.substr(slash + 1);
    auto pid = parse_number<int>(section.name.substr(0, slash));
    if (!pid) {
      FieldCursor fields(section.bytes);
      double begin = static_cast<double>(fields.number<int64_t>().value_or(0)) / 1e9;
      double end = static_cast<double>(fields.number<int64_t>().value_or(0)) / 1e9;
      if (section.name == "clock/stat") result.stat_begin = begin, result.stat_end = end;
      if (section.name == "clock/io") result.io_begin = begin;
      continue;
    }
    ProcessTexts& texts = result.by_pid[*pid];
    if (name == "stat" && texts.stat.empty()) {
      texts.stat = section.bytes;
      texts.position = result.count++;
    }
    if (name == "cmdline") texts.cmdline = section.bytes;
    if (name == "exe") texts.exe = section.bytes;
    if (name == "io") texts.io = section.bytes;
    if (name == "uid") texts.uid = section.bytes;
  }
  // The target's are with its own artifacts.
  auto target = result.by_pid.find(target_pid);
  if (target != result.by_pid.end()) {
    auto own = [&](std::string_view file) {
      return store.read(raw_path(reading, fmt::format("proc/{}/{}", target_pid, file))).value_or("");
    };
    target->second.io = own("io");
    if (reading == Reading::kFirst) target->second.cmdline = own("cmdline");
  }
  return result;
}

uint64_t io_counter(std::string_view io, std::string_view name) {
  LineCursor lines("io", io);
  while (auto line = lines.next())
    if (line->starts_with(name)) return parse_number<uint64_t>(trim(line->substr(name.size()))).value_or(0);
  return 0;
}

std::string command_line(std::string_view bytes) {
  bytes = trim(bytes);
  std::string text(bytes.substr(0, 1024));
  for (char& c : text)
    if (c == '\0') c = ' ';
  return printable_line(text, 300);
}

class ProcessList {
 public:
  ProcessList(const RawStore& store, Reading latest, int target_pid)
      : constants_(host_constants(store)),
        users_(host_users(store)),
        first_(index(store, Reading::kFirst, target_pid)),
        latest_(latest == Reading::kFirst ? ProcessReading{} : index(store, latest, target_pid)),
        two_(!latest_.by_pid.empty()) {}

  const ProcessReading& now() const { return two_ ? latest_ : first_; }

  Result<HostProcess> process(int pid, const ProcessTexts& texts) const {
    auto stat = parse_pid_stat(fmt::format("{}/stat", pid), texts.stat);
    if (!stat) return tl::unexpected(stat.error());
    double ticks = static_cast<double>(constants_.clock_ticks);
    HostProcess p;
    p.pid = pid;
    p.ppid = stat->ppid;
    p.comm = printable_line(stat->comm, 64);
    p.state = stat->state;
    p.rss_bytes = stat->rss_pages > 0 ? static_cast<uint64_t>(stat->rss_pages) * constants_.page_size : 0;
    p.threads = stat->threads;
    p.kernel_thread = stat->kernel_thread();
    p.cpu_seconds = static_cast<double>(stat->user_ticks + stat->system_ticks) / ticks;
    double at = now().stat_at(texts), started = static_cast<double>(stat->start_ticks) / ticks;
    p.age_seconds = std::max(at - started, 0.0);
    auto before = first_.by_pid.find(pid);
    const ProcessTexts* old = before == first_.by_pid.end() ? nullptr : &before->second;
    // The latest reading repeats names only for young processes: they may have called execve(2) or setuid(2) since.
    auto either = [&](std::string_view ProcessTexts::*text) {
      return (texts.*text).empty() && old ? old->*text : texts.*text;
    };
    p.cmdline = command_line(either(&ProcessTexts::cmdline));
    p.executable_deleted = either(&ProcessTexts::exe).ends_with(" (deleted)");
    if (auto uid = parse_number<uint32_t>(either(&ProcessTexts::uid))) {
      auto user = users_.find(*uid);
      p.user = user == users_.end() ? std::to_string(*uid) : user->second;
    }
    if (two_) add_rates(p, *stat, texts, old, at);
    return p;
  }

 private:
  void add_rates(HostProcess& p, const PidStat& stat, const ProcessTexts& texts, const ProcessTexts* old,
                 double at) const {
    double cpu_before = 0, since = at - p.age_seconds;
    if (old) {
      auto stat_before = parse_pid_stat("stat", old->stat);
      if (stat_before && stat_before->start_ticks == stat.start_ticks) {
        cpu_before = static_cast<double>(stat_before->user_ticks + stat_before->system_ticks) /
                     static_cast<double>(constants_.clock_ticks);
        since = first_.stat_at(*old);
      }
    }
    // One tick of accounting in a very short life is no rate.
    double seconds = at - since;
    if (seconds > 0.05) p.cpu_cores = std::max(p.cpu_seconds - cpu_before, 0.0) / seconds;
    double io_seconds = latest_.io_begin - first_.io_begin;
    if (!old || old->io.empty() || texts.io.empty() || io_seconds <= 0.05) return;
    auto rate = [&](std::string_view name) {
      return static_cast<double>(growth(io_counter(old->io, name), io_counter(texts.io, name))) / io_seconds;
    };
    p.read_bytes = rate("read_bytes:");
    p.write_bytes = rate("write_bytes:");
  }

  HostConstants constants_;
  std::map<uint32_t, std::string> users_;
  ProcessReading first_, latest_;
  bool two_;
};

}  // namespace

void gather_processes(GatherContext& context) {
  auto proc = ProcRoot::open("/proc");
  if (!proc) {
    context.out.failed(raw_path(context.reading, kBundle), "/proc", proc.error());
    return;
  }
  ProcessReader reader(context, *proc);
  reader.read_stats();
  // After a hang in a command line the blocked tasks are known already.
  if (context.hung.empty() || context.hung.back().find("/task/") != std::string::npos)
    gather_blocked_tasks(context, *proc, reader.seen());
  reader.read_details();
}

void parse_processes(const RawStore& store, Snapshot& snapshot) {
  Host& host = snapshot.host;
  parse_blocked_tasks(store, snapshot);
  auto first = store.read(raw_path(Reading::kFirst, kBundle));
  if (!first) {
    host.processes = first.error();
    host.tasks_by_state = first.error();
    return;
  }
  ProcessList list(store, latest_reading(store, kBundle), snapshot.target.pid);
  std::vector<HostProcess> processes;
  std::map<char, uint64_t> by_state;
  for (const auto& [pid, texts] : list.now().by_pid) {
    if (texts.stat.empty()) continue;
    auto process = list.process(pid, texts);
    if (!process) continue;  // one damaged line does not cost the list
    ++by_state[process->state];
    processes.push_back(std::move(*process));
  }
  std::sort(processes.begin(), processes.end(), [](const HostProcess& a, const HostProcess& b) {
    if (a.cpu_cores != b.cpu_cores) return a.cpu_cores > b.cpu_cores;
    if (a.rss_bytes != b.rss_bytes) return a.rss_bytes > b.rss_bytes;
    return a.pid < b.pid;
  });
  host.processes = std::move(processes);
  host.tasks_by_state = std::move(by_state);
}

}  // namespace ec
