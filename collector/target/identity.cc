#include "collector/target/identity.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "collector/base/text.h"
#include "collector/proc/pid_stat.h"
#include "collector/proc/proc_root.h"

namespace ec {

namespace {

// A pidfd becomes readable when the whole process has ended, not when only its leader has (pidfd_open(2)).
bool has_ended(int pidfd) {
  pollfd waiting{pidfd, POLLIN, 0};
  return poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLIN) != 0;
}

Result<PidStat> read_stat(pid_t pid) {
  std::string path = fmt::format("/proc/{}/stat", pid);
  auto proc = ProcRoot::open(fmt::format("/proc/{}", pid));
  if (!proc) return tl::unexpected(proc.error());
  auto text = proc->read("stat");
  if (!text) return tl::unexpected(text.error());
  return parse_pid_stat(path, *text);
}

// Process that `tid` is a thread of; 0 when unknown. /proc/TID exists for every thread, though it is not listed.
pid_t thread_group(pid_t tid) {
  auto proc = ProcRoot::open(fmt::format("/proc/{}", tid));
  if (!proc) return 0;
  auto text = proc->read("status");
  if (!text) return 0;
  LineCursor lines("status", *text);
  while (auto line = lines.next())
    if (line->starts_with("Tgid:")) return parse_number<pid_t>(trim(line->substr(5))).value_or(0);
  return 0;
}

// The leader, or the first thread that is not dead when the leader is.
pid_t find_live_thread(pid_t pid, char leader_state) {
  if (leader_state != 'Z' && leader_state != 'X') return pid;
  auto tasks = ProcRoot::open(fmt::format("/proc/{}/task", pid));
  if (!tasks) return pid;
  pid_t live = pid;
  std::string buffer;
  (void)tasks->each_number("", [&](int tid) {
    if (tid == pid) return true;
    auto text = tasks->read(fmt::format("{}/stat", tid).c_str(), buffer);
    if (!text) return true;
    auto stat = parse_pid_stat("stat", *text);
    if (!stat || stat->zombie()) return true;
    live = tid;
    return false;
  });
  return live;
}

ExecutableId executable_of(pid_t pid, pid_t tid) {
  struct stat file {};
  std::string path = fmt::format("/proc/{}/task/{}/exe", pid, tid);
  // A magic link: stat(2) goes to the inode that the kernel holds and never walks a path, so no mount can hang it.
  // Its attributes are not asked from a server either.
  struct statx facts {};
  if (statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC, STATX_INO, &facts) == 0)
    return {(uint64_t{facts.stx_dev_major} << 32) | facts.stx_dev_minor, facts.stx_ino};
  if (errno == ENOSYS && stat(path.c_str(), &file) == 0)
    return {(uint64_t{major(file.st_dev)} << 32) | minor(file.st_dev), file.st_ino};
  return {};
}

Error no_process(pid_t pid, std::string detail) {
  return Error{ErrorCode::kGone, fmt::format("/proc/{}", pid), std::move(detail), 0};
}

}  // namespace

Result<TargetIdentity> identify(pid_t pid) {
  if (pid <= 0) return fail(ErrorCode::kUsage, fmt::format("pid {}", pid), "a process id is a positive number");
  TargetIdentity target;
  target.pid = pid;
  // First of all: what is read afterwards belongs to the process that this descriptor pins, or it has ended.
  int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  int pidfd_problem = pidfd < 0 ? errno : 0;
  if (pidfd >= 0) target.pidfd = std::make_shared<UniqueFd>(pidfd);
  if (pidfd_problem == ESRCH) return tl::unexpected(no_process(pid, "no such process"));

  if (pidfd < 0)
    if (pid_t group = thread_group(pid); group != 0 && group != pid)
      return fail(ErrorCode::kUsage, fmt::format("/proc/{}", pid),
                  fmt::format("is a thread of process {}: use that", group));

  auto stat = read_stat(pid);
  if (!stat) {
    Error why = stat.error();
    // Pinned and alive, yet not in /proc: mounted with hidepid=.
    if (why.code == ErrorCode::kGone && pidfd >= 0 && !has_ended(pidfd))
      return fail(ErrorCode::kDenied, why.where, "hidden by the hidepid option of /proc", why.sys_errno);
    if (why.code == ErrorCode::kGone) return tl::unexpected(no_process(pid, "no such process"));
    return tl::unexpected(why);
  }
  target.start_ticks = stat->start_ticks;
  target.comm = stat->comm;
  target.state = stat->state;
  target.kernel_thread = stat->kernel_thread();
  target.live_tid = find_live_thread(pid, stat->state);
  if (!target.kernel_thread) target.executable = executable_of(pid, target.live_tid);

  // Without a pidfd the second look is what tells that one process was read throughout.
  auto again = read_stat(pid);
  if (!again && again.error().code == ErrorCode::kGone)
    return tl::unexpected(no_process(pid, "ended while it was looked at"));
  if (again && again->start_ticks != target.start_ticks)
    return tl::unexpected(no_process(pid, "ended while it was looked at, and its id was reused"));
  return target;
}

std::optional<std::string> changed(const TargetIdentity& target) {
  bool was_dead = target.state == 'Z' || target.state == 'X';
  bool was_whole_dead = was_dead && target.live_tid == target.pid;
  auto stat = read_stat(target.pid);
  if (!stat && stat.error().code != ErrorCode::kGone) return std::nullopt;  // unreadable is not changed
  if (!stat) return "exited";
  if (stat->start_ticks != target.start_ticks) return "pid reused";
  if (was_whole_dead) return std::nullopt;
  if (target.pidfd && has_ended(target.pidfd->get())) return "exited";
  pid_t live = find_live_thread(target.pid, stat->state);
  if (stat->zombie() && live == target.pid) return "exited";
  if (target.executable == ExecutableId{}) return std::nullopt;
  ExecutableId now = executable_of(target.pid, live);
  if (now != ExecutableId{} && now != target.executable) return "replaced by exec";
  return std::nullopt;
}

}  // namespace ec
