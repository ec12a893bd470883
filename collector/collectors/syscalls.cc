#include "collector/collectors/syscalls.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cinttypes>

#include "collector/base/text.h"

namespace ec {

namespace {

// One letter per argument that is worth a word; the rest is left out.
//   f descriptor   n bytes   c count of descriptors or events   m timeout in ms   T timespec pointer   x flags
//   p process id   l flock operation   k fcntl command   e errand: skipped   h request code
struct Form {
  std::string_view name, arguments;
};
constexpr std::array kForms{
    Form{"read", "fen"},
    Form{"write", "fen"},
    Form{"readv", "fe"},
    Form{"writev", "fe"},
    Form{"pread64", "fen"},
    Form{"pwrite64", "fen"},
    Form{"preadv", "fe"},
    Form{"pwritev", "fe"},
    Form{"preadv2", "fe"},
    Form{"pwritev2", "fe"},
    Form{"close", "f"},
    Form{"fstat", "f"},
    Form{"recvfrom", "fenx"},
    Form{"recvmsg", "fex"},
    Form{"recvmmsg", "fecxT"},
    Form{"sendto", "fenx"},
    Form{"sendmsg", "fex"},
    Form{"sendmmsg", "fecx"},
    Form{"sendfile", "ffen"},
    Form{"splice", "fefen"},
    Form{"accept", "f"},
    Form{"accept4", "f"},
    Form{"connect", "f"},
    Form{"shutdown", "f"},
    Form{"poll", "ecm"},
    Form{"ppoll", "ecT"},
    Form{"select", "ceeeT"},
    Form{"pselect6", "ceeeT"},
    Form{"epoll_wait", "fecm"},
    Form{"epoll_pwait", "fecm"},
    Form{"epoll_pwait2", "fecT"},
    Form{"epoll_ctl", "fef"},
    Form{"fsync", "f"},
    Form{"fdatasync", "f"},
    Form{"sync_file_range", "f"},
    Form{"syncfs", "f"},
    Form{"flock", "fl"},
    Form{"fcntl", "fk"},
    Form{"ioctl", "fh"},
    Form{"fallocate", "f"},
    Form{"ftruncate", "f"},
    Form{"getdents64", "fen"},
    Form{"fadvise64", "f"},
    Form{"fchdir", "f"},
    Form{"wait4", "p"},
    Form{"waitid", "ep"},
    Form{"nanosleep", ""},
    Form{"clock_nanosleep", ""},
    Form{"pause", ""},
    Form{"rt_sigsuspend", ""},
    Form{"rt_sigtimedwait", "eeT"},
    Form{"vfork", ""},
    Form{"clone", ""},
    Form{"clone3", ""},
    Form{"fork", ""},
    Form{"execve", ""},
    Form{"semop", ""},
    Form{"semtimedop", "eeeT"},
    Form{"msgrcv", "een"},
    Form{"msgsnd", "een"},
    Form{"mq_timedreceive", "fenET"},
    Form{"mq_timedsend", "fenET"},
    Form{"io_getevents", "eeeeT"},
    Form{"io_pgetevents", "eeeeT"},
    Form{"io_uring_enter", "f"},
    Form{"sched_yield", ""},
    Form{"sync", ""},
    Form{"munmap", "en"},
    Form{"madvise", "en"},
    Form{"mprotect", "en"},
    Form{"exit_group", ""},
    Form{"openat", "D"},
    Form{"newfstatat", "D"},
    Form{"unlinkat", "D"},
    Form{"readlinkat", "D"},
    Form{"statx", "D"},
    Form{"faccessat", "D"},
    Form{"mkdirat", "D"},
    Form{"inotify_add_watch", "f"},
};

constexpr std::array<std::string_view, 14> kFutexOperations{
    "FUTEX_WAIT",           "FUTEX_WAKE",        "FUTEX_FD",          "FUTEX_REQUEUE",
    "FUTEX_CMP_REQUEUE",    "FUTEX_WAKE_OP",     "FUTEX_LOCK_PI",     "FUTEX_UNLOCK_PI",
    "FUTEX_TRYLOCK_PI",     "FUTEX_WAIT_BITSET", "FUTEX_WAKE_BITSET", "FUTEX_WAIT_REQUEUE_PI",
    "FUTEX_CMP_REQUEUE_PI", "FUTEX_LOCK_PI2"};

// fcntl(2) numbers; F_OFD_* stand at 36 to 38.
std::string fcntl_words(uint64_t command) {
  switch (command) {
    case 3:
      return "F_GETFL";
    case 4:
      return "F_SETFL";
    case 5:
      return "F_GETLK";
    case 6:
      return "F_SETLK";
    case 7:
      return "F_SETLKW: waits for a record lock";
    case 37:
      return "F_OFD_SETLK";
    case 38:
      return "F_OFD_SETLKW: waits for a record lock";
    default:
      return fmt::format("command {}", command);
  }
}

std::string flock_words(uint64_t operation) {
  constexpr std::array<std::string_view, 9> kNames{"", "LOCK_SH", "LOCK_EX", "", "", "", "", "", "LOCK_UN"};
  uint64_t base = operation & ~uint64_t{4};  // LOCK_NB
  std::string_view name = base < kNames.size() ? kNames[base] : std::string_view{};
  if (name.empty()) return fmt::format("operation {}", operation);
  return fmt::format("{}{}", name, operation & 4 ? "|LOCK_NB" : "");
}

std::string descriptor_words(uint64_t raw, const DescriptorWords& descriptor) {
  auto fd = static_cast<int>(static_cast<uint32_t>(raw));
  if (fd == -100) return "the working directory";  // AT_FDCWD
  if (fd < 0) return fmt::format("fd {}", fd);
  std::string words = descriptor ? descriptor(fd) : std::string{};
  return words.empty() ? fmt::format("fd {}", fd) : fmt::format("fd {} = {}", fd, words);
}

std::string timeout_words(int milliseconds) {
  if (milliseconds < 0) return "no timeout";
  return fmt::format("timeout {}", human_duration(milliseconds / 1000.0));
}

// "" leaves the argument out.
std::string argument_words(char kind, uint64_t value, const DescriptorWords& descriptor) {
  switch (kind) {
    case 'f':
    case 'D':
      return descriptor_words(value, descriptor);
    case 'n':
      return fmt::format("{} bytes", value);
    case 'c':
      return fmt::format("up to {}", static_cast<uint32_t>(value));
    case 'm':
      return timeout_words(static_cast<int>(static_cast<uint32_t>(value)));
    case 'T':
      return value == 0 ? "no timeout" : "with a timeout";
    case 'x':
      return static_cast<uint32_t>(value) == 0 ? "" : fmt::format("flags {:#x}", static_cast<uint32_t>(value));
    case 'p': {
      auto pid = static_cast<int>(static_cast<uint32_t>(value));
      return pid == -1 ? "any child" : fmt::format("pid {}", pid);
    }
    case 'l':
      return flock_words(value);
    case 'k':
      return fcntl_words(value);
    case 'h':
      return fmt::format("request {:#x}", static_cast<uint32_t>(value));
    default:
      return "";
  }
}

// futex(2): uaddr, futex_op, val, timeout, uaddr2, val3.
std::string futex_words(const std::vector<uint64_t>& arguments) {
  auto operation = static_cast<uint32_t>(arguments[1]);
  uint32_t command = operation & 127;
  std::string name(command < kFutexOperations.size() ? kFutexOperations[command] : "");
  if (name.empty()) name = fmt::format("operation {}", command);
  if (operation & 128) name += "_PRIVATE";
  std::string text = fmt::format("{} {:#x}, value {}", name, arguments[0], static_cast<uint32_t>(arguments[2]));
  bool waits = command == 0 || command == 6 || command == 9 || command == 11 || command == 13;
  if (waits) text += arguments[3] == 0 ? ", no timeout" : ", with a timeout";
  return text;
}

std::string socket_words(const Socket& socket) {
  std::string text = socket.family;
  if (!socket.local.empty()) text += " " + socket.local;
  if (!socket.remote.empty()) text += " → " + socket.remote;
  if (!socket.state.empty()) text += " " + socket.state;
  if (socket.remote.empty() && !socket.peers.empty())
    text += fmt::format(" (other end: {} {})", socket.peers[0].comm, socket.peers[0].pid);
  return text;
}

}  // namespace

std::string describe_descriptor(const OpenFiles& files, int fd) {
  auto found = std::lower_bound(files.files.begin(), files.files.end(), fd,
                                [](const OpenFile& file, int wanted) { return file.fd < wanted; });
  if (found == files.files.end() || found->fd != fd) return "";
  const OpenFile& file = *found;
  if (file.socket && *file.socket < files.sockets.size()) return socket_words(files.sockets[*file.socket]);
  std::string text = printable_line(file.target, 200);
  if (file.deleted) text += " (deleted)";
  if (!file.words.empty()) text += fmt::format(" ({})", file.words);
  if (!file.peers.empty()) text += fmt::format(" (other end: {} {})", file.peers[0].comm, file.peers[0].pid);
  return text;
}

std::string describe_call(const BlockedCall& call, const DescriptorWords& descriptor) {
  if (call.number < 0) return "";  // a page fault, or a stop: the state and wait channel tell more
  std::string name = call.name.empty() ? fmt::format("syscall {}", call.number) : call.name;
  if (call.arguments.size() < 6) return name + "()";
  if (name == "futex") return fmt::format("futex({})", futex_words(call.arguments));
  // The argument registers of a restarted call still hold those of the original one, whose number is lost.
  if (name == "restart_syscall") return "restart_syscall(a wait that a stop or signal interrupted goes on)";

  auto form = std::find_if(kForms.begin(), kForms.end(), [&](const Form& each) { return each.name == name; });
  std::vector<std::string> words;
  if (form == kForms.end()) {
    for (uint64_t value : call.arguments) words.push_back(fmt::format("{:#x}", value));
  } else {
    for (size_t i = 0; i < form->arguments.size() && i < call.arguments.size(); ++i)
      if (std::string word = argument_words(form->arguments[i], call.arguments[i], descriptor); !word.empty())
        words.push_back(std::move(word));
  }
  return fmt::format("{}({})", name, fmt::join(words, ", "));
}

}  // namespace ec
