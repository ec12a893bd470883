#include "collector/target/stop_effect.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

namespace ec {

namespace {

constexpr long kEpollPwait2 = 441;  // younger than the headers of Debian 11
constexpr long kIoUringEnter = 426;

template <size_t N>
bool one_of(long call, const std::array<long, N>& calls) {
  return std::find(calls.begin(), calls.end(), call) != calls.end();
}

// Whose reads and writes wait in a way that the kernel resumes.
bool waits_in_restartable_file(pid_t pid, uint64_t fd) {
  std::array<char, 64> target;
  ssize_t length =
      readlink(fmt::format("/proc/{}/fd/{}", pid, static_cast<int>(fd)).c_str(), target.data(), target.size());
  if (length <= 0) return false;
  std::string_view link(target.data(), static_cast<size_t>(length));
  constexpr std::array<std::string_view, 6> kKinds{
      "pipe:[", "anon_inode:[eventfd]", "anon_inode:[timerfd]", "anon_inode:inotify", "/dev/pts/", "/dev/tty"};
  return std::any_of(kKinds.begin(), kKinds.end(), [&](std::string_view kind) { return link.starts_with(kind); });
}

}  // namespace

bool survives_stop(const TaskSyscall& call, pid_t pid) {
  constexpr std::array<long, 4> kFileCalls{SYS_read, SYS_write, SYS_readv, SYS_writev};
  if (one_of(call.number, kFileCalls)) return waits_in_restartable_file(pid, call.arguments[0]);
  constexpr std::array kCalls = std::to_array<long>({
      SYS_futex,
      SYS_ppoll,
      SYS_pselect6,
      SYS_nanosleep,
      SYS_clock_nanosleep,
      SYS_rt_sigsuspend,
      SYS_flock,
      SYS_fcntl,
      SYS_wait4,
      SYS_waitid,
      SYS_msgrcv,
      SYS_restart_syscall,
#ifdef SYS_poll
      SYS_poll,
      SYS_select,
      SYS_pause,
#endif
  });
  return one_of(call.number, kCalls);
}

bool is_epoll_wait(long call) {
#ifdef SYS_epoll_wait
  if (call == SYS_epoll_wait) return true;
#endif
  return call == SYS_epoll_pwait || call == kEpollPwait2;
}

bool can_start_again(long call) {
  constexpr std::array<long, 9> kCalls{SYS_semop,  SYS_semtimedop, SYS_rt_sigtimedwait, SYS_io_getevents, kIoUringEnter,
                                       SYS_accept, SYS_accept4,    SYS_recvfrom,        SYS_recvmsg};
  constexpr long kIoPgetevents = 333;
  return is_epoll_wait(call) || one_of(call, kCalls) || call == kIoPgetevents;
}

}  // namespace ec
