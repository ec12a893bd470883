#include "collector/target/death.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>

#include "collector/base/text.h"
#include "collector/base/unique_fd.h"

namespace ec {

namespace {

// struct pidfd_info of include/uapi/linux/pidfd.h (Linux 6.15, the first 64 bytes), which Debian 12's headers do not
// have.
struct PidfdInfo {
  uint64_t mask;
  uint64_t cgroupid;
  uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr uint64_t kPidfdInfoExit = 1u << 3;
constexpr unsigned long kPidfdGetInfo = _IOWR(0xFF, 11, PidfdInfo);

}  // namespace

std::string wait_status_in_words(int status) {
  if (WIFEXITED(status)) return fmt::format("exited with status {}", WEXITSTATUS(status));
  const char* name = sigabbrev_np(WTERMSIG(status));
  std::string signal = name ? fmt::format("SIG{}", name) : fmt::format("signal {}", WTERMSIG(status));
  return WCOREDUMP(status) ? fmt::format("dumped core on {}", signal) : fmt::format("killed by {}", signal);
}

namespace {

// Field 52 of /proc/PID/stat, proc(5): the wait status of a zombie that nobody has reaped yet.
std::optional<int> status_of_zombie(pid_t pid) {
  UniqueFd fd(open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 2048> buffer{};
  ssize_t length = fd ? read(fd.get(), buffer.data(), buffer.size()) : -1;
  if (length <= 0) return std::nullopt;
  std::string_view text = trim(std::string_view(buffer.data(), static_cast<size_t>(length)));
  size_t name_end = text.rfind(')'), last = text.rfind(' ');
  if (name_end == std::string_view::npos || !text.substr(name_end + 1).starts_with(" Z")) return std::nullopt;
  return parse_number<int>(text.substr(last + 1));
}

}  // namespace

std::optional<std::string> exit_of(const TargetIdentity& target) {
  if (auto status = status_of_zombie(target.pid)) return wait_status_in_words(*status);
  if (!target.pidfd) return std::nullopt;
  PidfdInfo info{};
  info.mask = kPidfdInfoExit;
  if (ioctl(target.pidfd->get(), kPidfdGetInfo, &info) != 0 || !(info.mask & kPidfdInfoExit)) return std::nullopt;
  return wait_status_in_words(info.exit_code);
}

}  // namespace ec
