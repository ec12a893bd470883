#include "collector/cli/doctor_checks.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/klog.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "collector/base/text.h"
#include "collector/base/unique_fd.h"
#include "collector/cli/doctor_profiles.h"
#include "collector/collectors/collector.h"
#include "collector/collectors/journal.h"
#include "collector/collectors/jvm.h"
#include "collector/collectors/process_files.h"
#include "collector/proc/proc_root.h"
#include "collector/target/obstacles.h"
#include "collector/target/sock_diag.h"
#include "collector/target/task_dir.h"

namespace ec {

namespace {

using Outcome = Check::Outcome;

bool is_refusal(int problem) { return problem == EACCES || problem == EPERM; }

Check failed(std::string what, const std::string& where, int problem, const std::string& fix_of_refusal) {
  return {std::move(what), Outcome::kMissing, fmt::format("{}: {}", where, strerrordesc_np(problem)),
          is_refusal(problem) ? fix_of_refusal : ""};
}

// 0, or the error of open(2) or read(2).
int problem_with_file(const std::string& file) {
  UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  char byte;
  if (!fd || read(fd.get(), &byte, 1) < 0) return errno;
  return 0;
}

Check readable(std::string what, const std::string& file, const std::string& fix_of_refusal) {
  int problem = problem_with_file(file);
  return problem == 0 ? Check{std::move(what), Outcome::kGood, "", ""}
                      : failed(std::move(what), file, problem, fix_of_refusal);
}

// The directory may be listed by everybody while its links are for those who may trace the process.
int problem_with_descriptors(const std::string& process) {
  UniqueFd infos(open((process + "/fdinfo").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!infos) return errno;
  auto folder = ProcRoot::open(process + "/fd");
  if (!folder) return folder.error().sys_errno;
  int problem = 0;
  (void)folder->each_number("", [&](int fd) {
    auto link = folder->link(std::to_string(fd));
    bool closed = !link && link.error().code == ErrorCode::kGone;
    if (!link && !closed) problem = link.error().sys_errno;
    return closed;
  });
  return problem;
}

Check enterable(std::string what, const std::string& process, const std::string& fix_of_refusal) {
  int problem = problem_with_descriptors(process);
  return problem == 0 ? Check{std::move(what), Outcome::kGood, "", ""}
                      : failed(std::move(what), process + "/fd", problem, fix_of_refusal);
}

// Reads one byte of the target's memory at a mapped address: the permission that stacks and locks need.
Check memory_readable(const TargetIdentity& target, const std::string& fix_of_refusal) {
  Check check{"user stacks and locks (memory of the target)", Outcome::kMissing, "", ""};
  std::string file = fmt::format("/proc/{}/task/{}/maps", target.pid, target.live_tid);
  auto maps = read_file(file);
  if (!maps) return failed(std::move(check.what), file, maps.error().sys_errno, fix_of_refusal);
  auto begin = parse_number<uint64_t>(maps->substr(0, maps->find('-')), 16);
  char byte;
  iovec local{&byte, 1}, remote{reinterpret_cast<void*>(begin.value_or(0)), 1};
  if (process_vm_readv(target.live_tid, &local, 1, &remote, 1, 0) != 1)
    return failed(std::move(check.what), "process_vm_readv", errno, fix_of_refusal);
  check.outcome = Outcome::kGood;
  return check;
}

// Threads that run or are held by a tracer have no stack that could be read without a stop.
bool has_thread_to_stop(const TargetIdentity& target) {
  auto tasks = TaskDir::open(target.pid);
  auto tids = tasks ? tasks->list() : tl::unexpected(tasks.error());
  if (!tids) return false;
  for (pid_t tid : *tids) {
    auto stat = tasks->read(tid, "stat");
    size_t name = stat ? stat->rfind(") ") : std::string_view::npos;
    if (name != std::string_view::npos && std::strchr("RtT", stat->at(name + 2))) return true;
  }
  return false;
}

void add_stops(const TargetIdentity& target, std::vector<Check>& checks) {
  std::string obstacle = obstacle_to_stopping(target.pid, target.live_tid);
  if (obstacle.empty()) return;
  checks.push_back({"stops of running threads", has_thread_to_stop(target) ? Outcome::kMissing : Outcome::kLess,
                    obstacle,
                    obstacle.find("frozen") != std::string::npos
                        ? "thaw it; until then stacks of blocked threads are read without a stop"
                        : "detach that tracer; until then stacks of blocked threads are read without a stop"});
}

// 0, or why a process of its own could not enter; the settings of a network namespace are shown to those inside.
int problem_with_entering(const std::string& link) {
  auto told = told_by_helper(milliseconds(1000), [&link](FrameWriter& out) {
    UniqueFd there(open(link.c_str(), O_RDONLY | O_CLOEXEC));
    bool entered = there && setns(there.get(), CLONE_NEWNET) == 0;
    out.frame(std::to_string(entered ? 0 : errno));
  });
  // Without a helper collect says what it cannot do.
  if (!told) return told.error().code == ErrorCode::kTimeout ? ETIMEDOUT : 0;
  return parse_number<int>(*told).value_or(0);
}

void add_network_namespace(const TargetIdentity& target, const OwnPrivileges& own, std::vector<Check>& checks) {
  auto elsewhere = other_network_namespace(target.live_tid);
  if (!elsewhere || !*elsewhere) return;  // refused: the check of descriptors says so
  std::string what = "sockets and settings of its network namespace, which is not ours";
  std::string link = fmt::format("/proc/{}/task/{}/ns/net", target.pid, target.live_tid);
  int problem = problem_with_entering(link);
  checks.push_back(problem == 0
                       ? Check{what, Outcome::kGood, "", ""}
                       : failed(what, link, problem, fix_for_refusal(own, {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE"})));
}

Check pressure() {
  Check check{"pressure (PSI)", Outcome::kGood, "", ""};
  const std::string file = "/proc/pressure/cpu";
  int problem = problem_with_file(file);
  if (problem == 0) return check;
  if (problem != EOPNOTSUPP && problem != ENOENT) return failed(std::move(check.what), file, problem, "");
  bool off = problem == EOPNOTSUPP;
  return {std::move(check.what), Outcome::kLess,
          off ? "pressure accounting is switched off" : "this kernel has no pressure accounting (CONFIG_PSI)",
          off ? "boot with psi=1" : ""};
}

Check kernel_log(const OwnPrivileges& own) {
  constexpr int kReadAll = 3;  // SYSLOG_ACTION_READ_ALL, syslog(2)
  Check check{"kernel log", Outcome::kGood, "", ""};
  // A log without a new line answers EAGAIN, a buffer that is too small EINVAL.
  int problem = problem_with_file("/dev/kmsg");
  char byte;
  if (problem == 0 || problem == EAGAIN || problem == EINVAL || klogctl(kReadAll, &byte, 1) >= 0) return check;
  return failed(std::move(check.what), "/dev/kmsg", problem, fix_for_refusal(own, {"CAP_SYSLOG"}));
}

Check destination(const std::string& output) {
  size_t slash = output.rfind('/');
  std::string directory = output;
  if (UniqueFd probe(open(output.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); !probe)
    directory = slash == std::string::npos ? "." : output.substr(0, slash + 1);
  Check check{fmt::format("archive in {}", directory), Outcome::kMissing, "",
              "-o DIR for another place, or -o - and pipe it elsewhere"};
  struct statvfs space {};
  if (access(directory.c_str(), W_OK) != 0) {
    check.why = strerrordesc_np(errno);
    return check;
  }
  if (statvfs(directory.c_str(), &space) == 0) {
    double free_bytes = static_cast<double>(space.f_bavail) * static_cast<double>(space.f_frsize);
    check.what += fmt::format(" ({} free)", human_bytes(free_bytes));
    if (free_bytes <= 8e6) {
      check.why = "less than 8 MB are free";
      return check;
    }
  }
  check.outcome = Outcome::kGood;
  return check;
}

}  // namespace

std::vector<Check> target_checks(const TargetIdentity& target, const OwnPrivileges& own) {
  std::string proc = fmt::format("/proc/{}", target.pid);
  std::string task = fmt::format("{}/task/{}", proc, target.live_tid);
  const std::string to_trace = fix_for_refusal(own, {"CAP_SYS_PTRACE"}, true);
  std::vector<Check> checks;
  checks.push_back(readable("state, memory and CPU figures", proc + "/status", "is /proc mounted with hidepid?"));
  checks.push_back(readable("IO counters", proc + "/io", to_trace));
  checks.push_back(enterable("open files and sockets", task, to_trace));
  checks.push_back(readable("current system calls, blocked threads without a stop", task + "/syscall", to_trace));
  // The manifest has its rows, but no artifact is called missing for it.
  Check kernel_stacks = readable("kernel stacks", proc + "/stack", fix_for_refusal(own, {"CAP_SYS_ADMIN"}));
  if (kernel_stacks.outcome == Outcome::kMissing) kernel_stacks.outcome = Outcome::kLess;
  checks.push_back(std::move(kernel_stacks));
  if (!no_memory_reason(target).empty()) return checks;
  if (auto unit = readable_journal(target); unit)
    checks.push_back({fmt::format("journal of {}", printable_line(*unit, 120)), Outcome::kGood, "", ""});
  else if (unit.error().code != ErrorCode::kNotFound)
    checks.push_back({"journal of its unit", Outcome::kMissing, unit.error().message(), std::string(kJournalFix)});
  checks.push_back(readable("memory maps", task + "/maps", to_trace));
  checks.push_back(readable("environment (names; values redacted)", proc + "/environ", to_trace));
  checks.push_back(memory_readable(target, to_trace));
  if (auto jvm = jvm_outlook(target))
    checks.push_back({"thread dump of the JVM, over its attach socket",
                      jvm->problem.empty() ? Outcome::kGood : Outcome::kLess, jvm->problem, jvm->fix});
  add_stops(target, checks);
  add_network_namespace(target, own, checks);
  add_sampling(target, checks);
  add_endpoints(target, checks);
  return checks;
}

std::vector<Check> host_checks(const std::string& output, const OwnPrivileges& own) {
  std::vector<Check> checks{kernel_log(own), pressure()};
  // Nothing is called missing for it: the other end of a pipe or socket then stays without a name.
  Check others = enterable("descriptors of other processes (the other ends of pipes and sockets), tried on process 1",
                           "/proc/1", fix_for_refusal(own, {"CAP_SYS_PTRACE"}));
  if (others.outcome == Outcome::kMissing) others.outcome = Outcome::kLess;
  checks.push_back(std::move(others));
  if (output != "-") checks.push_back(destination(output));
  return checks;
}

}  // namespace ec
