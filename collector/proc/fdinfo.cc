#include "collector/proc/fdinfo.h"

#include <fcntl.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <utility>

#include "collector/base/text.h"

namespace ec {

namespace {

// Values of x86 and of asm-generic. O_DIRECTORY, O_NOFOLLOW, O_DIRECT and O_LARGEFILE differ on ARM and PowerPC; the
// constants of the machine that we are compiled for are right there.
constexpr std::array<std::pair<uint32_t, std::string_view>, 11> kFlagNames{{{O_APPEND, "O_APPEND"},
                                                                            {O_NONBLOCK, "O_NONBLOCK"},
                                                                            {O_DSYNC, "O_DSYNC"},
                                                                            {O_ASYNC, "O_ASYNC"},
                                                                            {O_DIRECT, "O_DIRECT"},
                                                                            {O_DIRECTORY, "O_DIRECTORY"},
                                                                            {O_NOFOLLOW, "O_NOFOLLOW"},
                                                                            {O_NOATIME, "O_NOATIME"},
                                                                            {O_CLOEXEC, "O_CLOEXEC"},
                                                                            {O_PATH, "O_PATH"},
                                                                            {020000000, "O_TMPFILE"}}};
constexpr uint32_t kSyncBit = 04000000;  // O_SYNC is O_DSYNC and this bit
// The kernel sets it for every 64-bit program: tells nothing. (fcntl.h says 0 there.)
constexpr uint32_t kLargeFile = 0100000;
constexpr size_t kMostEpollTargets = 200'000;

std::optional<uint64_t> bracketed_number(std::string_view text) {
  size_t open = text.rfind('[');
  if (open == std::string_view::npos || !text.ends_with(']')) return std::nullopt;
  return parse_number<uint64_t>(text.substr(open + 1, text.size() - open - 2));
}

std::string_view anonymous_kind(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kKinds{{{"[eventfd]", "eventfd"},
                                                                                 {"[eventpoll]", "epoll"},
                                                                                 {"[timerfd]", "timerfd"},
                                                                                 {"[signalfd]", "signalfd"},
                                                                                 {"inotify", "inotify"},
                                                                                 {"[fanotify]", "fanotify"},
                                                                                 {"[pidfd]", "pidfd"},
                                                                                 {"[io_uring]", "io_uring"}}};
  for (const auto& [text, kind] : kKinds)
    if (name == text) return kind;
  return "anon";
}

// "lock:\t1: POSIX  ADVISORY  WRITE 8218 fe:00:10952897 5 14", the form of /proc/locks.
std::optional<std::string> lock_words(std::string_view rest) {
  FieldCursor fields(rest);
  auto ordinal = fields.word(), type = fields.word(), mode = fields.word(), kind = fields.word(), pid = fields.word();
  auto file = fields.word(), begin = fields.word(), end = fields.word();
  if (!ordinal || !type || !mode || !kind || !pid || !file || !begin || !end) return std::nullopt;
  std::string words = printable_line(fmt::format("{} {}", *type, *kind), 60);
  if (*begin != "0" || *end != "EOF") words += printable_line(fmt::format(" {}-{}", *begin, *end), 60);
  if (*pid != "-1") words += printable_line(fmt::format(" by {}", *pid), 40);
  return words;
}

// "(4, 998418197)": seconds and nanoseconds.
std::optional<double> timer_seconds(std::string_view text) {
  text = trim(text);
  size_t comma = text.find(',');
  if (!text.starts_with('(') || !text.ends_with(')') || comma == std::string_view::npos) return std::nullopt;
  auto seconds = parse_number<uint64_t>(trim(text.substr(1, comma - 1)));
  auto nanoseconds = parse_number<uint64_t>(trim(text.substr(comma + 1, text.size() - comma - 2)));
  if (!seconds || !nanoseconds) return std::nullopt;
  return static_cast<double>(*seconds) + static_cast<double>(*nanoseconds) / 1e9;
}

template <class T, class U>
bool store(std::optional<T> from, U& to) {
  if (from) to = static_cast<U>(*from);
  return from.has_value();
}

bool hex_mask(std::string_view value, uint64_t& to) {
  if (value.starts_with("0x")) value.remove_prefix(2);
  return store(parse_number<uint64_t>(value, 16), to);
}

// Lines of one io_uring; which of them are there depends on the kernel. Rings have 2^n entries, the masks are 2^n - 1.
bool ring_line(std::string_view key, std::string_view value, IoUringFd& ring) {
  if (key == "SqMask" || key == "CqMask") {
    uint64_t mask = 0;
    if (!hex_mask(value, mask)) return false;
    (key == "SqMask" ? ring.submission_size : ring.completion_size) = mask + 1;
    return true;
  }
  if (key == "SQEs") return store(parse_number<uint64_t>(value), ring.submission_entries);
  if (key == "CQEs") return store(parse_number<uint64_t>(value), ring.completion_entries);
  if (key == "UserFiles") return store(parse_number<uint64_t>(value), ring.files);
  if (key == "UserBufs") return store(parse_number<uint64_t>(value), ring.buffers);
  if (key == "SqThread") return store(parse_number<int64_t>(value), ring.thread);
  return true;
}

bool timer_line(std::string_view key, std::string_view value, std::optional<TimerFd>& timer) {
  if (key == "clockid") {
    timer.emplace();
    return store(parse_number<int>(value), timer->clock_id);
  }
  if (!timer) return true;
  if (key == "ticks") return store(parse_number<uint64_t>(value), timer->ticks);
  if (key == "it_value") return store(timer_seconds(value), timer->value_seconds);
  if (key == "it_interval") return store(timer_seconds(value), timer->interval_seconds);
  return true;
}

// False when the line is one that we know, but not of its form.
bool take_line(std::string_view line, Fdinfo& info) {
  if (line.starts_with("inotify wd:")) {
    ++info.inotify_watches;
    return true;
  }
  if (line.starts_with("fanotify ")) {
    if (!line.starts_with("fanotify flags:")) ++info.fanotify_marks;
    return true;
  }
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  std::string_view key = line.substr(0, colon), value = trim(line.substr(colon + 1));
  switch (key[0]) {
    case 'p':
      // Signed in the kernel: /proc/PID/mem read at a high address shows a negative one.
      if (key == "pos") return store(parse_number<int64_t>(value), info.position);
      return true;
    case 'f':
      if (key == "flags") return store(parse_number<uint32_t>(value, 8), info.flags);
      return true;
    case 'm':
      if (key == "mnt_id") return store(parse_number<int>(value), info.mount_id);
      return true;
    case 'e':
      if (key == "eventfd-count") return store(parse_number<uint64_t>(value, 16), info.eventfd_count);
      if (key == "eventfd-semaphore") info.eventfd_semaphore = value == "1";
      return true;
    case 't': {
      if (key != "tfd") return timer_line(key, value, info.timer);
      auto target = FieldCursor(value).number<int>();
      if (target && info.epoll_targets.size() < kMostEpollTargets) info.epoll_targets.push_back(*target);
      return target.has_value();
    }
    case 's':
      if (key == "sigmask") return store(parse_number<uint64_t>(value, 16), info.signal_mask);
      return true;
    case 'P':
      if (key == "Pid") return store(parse_number<int64_t>(value), info.pidfd_pid);
      return true;
    case 'l': {
      if (key != "lock") return true;
      auto words = lock_words(value);
      if (words && info.locks.size() < 100) info.locks.push_back(std::move(*words));
      return words.has_value();
    }
    case 'i':
      if (key == "ino") return store(parse_number<uint64_t>(value), info.inode);
      return timer_line(key, value, info.timer);
    case 'c':
      return timer_line(key, value, info.timer);
    case 'S':
    case 'C':
    case 'U':
      if (key == "SqMask") info.ring.emplace();
      return !info.ring || ring_line(key, value, *info.ring);
    default:
      return true;
  }
}

std::string clock_name(int clock_id) {
  constexpr std::array<std::pair<int, std::string_view>, 5> kClocks{{{0, "CLOCK_REALTIME"},
                                                                     {1, "CLOCK_MONOTONIC"},
                                                                     {7, "CLOCK_BOOTTIME"},
                                                                     {8, "CLOCK_REALTIME_ALARM"},
                                                                     {9, "CLOCK_BOOTTIME_ALARM"}}};
  for (const auto& [id, name] : kClocks)
    if (id == clock_id) return std::string(name);
  return fmt::format("clock {}", clock_id);
}

std::string timer_words(const TimerFd& timer) {
  std::string words = clock_name(timer.clock_id);
  if (timer.value_seconds > 0)
    words += ", due in " + human_duration(timer.value_seconds);
  else
    words += ", disarmed";
  if (timer.interval_seconds > 0) words += ", every " + human_duration(timer.interval_seconds);
  if (timer.ticks > 0) words += fmt::format(", {} expirations not read", timer.ticks);
  return words;
}

std::string signal_words(uint64_t mask) {
  std::string words;
  for (int signal = 1; signal <= 64; ++signal) {
    if (!(mask >> (signal - 1) & 1)) continue;
    const char* name = sigabbrev_np(signal);
    if (!words.empty()) words += ' ';
    words += name ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
  }
  return words.empty() ? "no signals" : words;
}

std::string counted(uint64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string ring_words(const IoUringFd& ring) {
  std::string words = fmt::format("submissions {} of {}, completions {} of {}", ring.submission_entries,
                                  ring.submission_size, ring.completion_entries, ring.completion_size);
  if (ring.files) words += fmt::format(", {} registered", counted(ring.files, "file", "files"));
  if (ring.buffers) words += fmt::format(", {} registered", counted(ring.buffers, "buffer", "buffers"));
  if (ring.thread >= 0) words += fmt::format(", polled by thread {}", ring.thread);
  return words;
}

}  // namespace

FdLink parse_fd_link(std::string_view link) {
  FdLink parsed{"path", link, false, 0};
  if (link.starts_with("/memfd:")) {
    parsed.kind = "memfd";
  } else if (link.starts_with('/') || link.starts_with("(unreachable)")) {
    constexpr std::string_view kDeleted = " (deleted)";
    if (link.ends_with(kDeleted)) {
      parsed.deleted = true;
      parsed.target.remove_suffix(kDeleted.size());
    }
  } else if (link.starts_with("anon_inode:")) {
    parsed.kind = anonymous_kind(link.substr(11));
  } else {
    if (link.starts_with("socket:["))
      parsed.kind = "socket";
    else if (link.starts_with("pipe:["))
      parsed.kind = "pipe";
    else if (link.starts_with("pidfd:["))
      parsed.kind = "pidfd";  // since Linux 6.9
    else
      parsed.kind = "anon";  // "net:[4026531833]", "dmabuf:" …
    parsed.inode = bracketed_number(link).value_or(0);
  }
  return parsed;
}

Result<Fdinfo> parse_fdinfo(std::string_view where, std::string_view text) {
  Fdinfo info;
  LineCursor lines(where, text);
  bool position = false, flags = false;
  while (auto line = lines.next()) {
    if (!take_line(*line, info)) return tl::unexpected(lines.expected("a known line of fdinfo in its documented form"));
    position = position || line->starts_with("pos:");
    flags = flags || line->starts_with("flags:");
  }
  if (!position || !flags) return fail(ErrorCode::kTruncated, std::string(where), "expected the lines pos: and flags:");
  return info;
}

std::string_view access_word(uint32_t flags) {
  if (flags & O_PATH) return "path";
  switch (flags & O_ACCMODE) {
    case O_RDONLY:
      return "r";
    case O_WRONLY:
      return "w";
    default:
      return "rw";
  }
}

std::vector<std::string> open_flag_words(uint32_t flags) {
  std::vector<std::string> words;
  uint32_t rest = flags & ~(static_cast<uint32_t>(O_ACCMODE) | kLargeFile);
  bool sync = (rest & kSyncBit) && (rest & O_DSYNC);
  if (sync) rest &= ~(kSyncBit | static_cast<uint32_t>(O_DSYNC));
  for (const auto& [bit, name] : kFlagNames) {
    if (!(rest & bit)) continue;
    words.emplace_back(name);
    rest &= ~bit;
  }
  if (sync) words.emplace_back("O_SYNC");
  if (rest) words.push_back(fmt::format("0{:o}", rest));
  return words;
}

std::string describe(const Fdinfo& info, std::string_view kind) {
  std::string words;
  if (kind == "eventfd" && info.eventfd_count)
    words = fmt::format("count {}{}", *info.eventfd_count, info.eventfd_semaphore ? ", semaphore" : "");
  else if (kind == "epoll")
    words = "watches " + counted(info.epoll_targets.size(), "descriptor", "descriptors");
  else if (kind == "timerfd" && info.timer)
    words = timer_words(*info.timer);
  else if (kind == "signalfd" && info.signal_mask)
    words = signal_words(*info.signal_mask);
  else if (kind == "inotify")
    words = counted(info.inotify_watches, "watch", "watches");
  else if (kind == "fanotify")
    words = counted(info.fanotify_marks, "mark", "marks");
  else if (kind == "pidfd" && info.pidfd_pid)
    words = *info.pidfd_pid < 0    ? "process that has ended"
            : *info.pidfd_pid == 0 ? "process outside our PID namespace"
                                   : fmt::format("process {}", *info.pidfd_pid);
  else if (kind == "io_uring" && info.ring)
    words = ring_words(*info.ring);
  for (const std::string& lock : info.locks) words += (words.empty() ? "lock " : "; lock ") + lock;
  return words;
}

}  // namespace ec
