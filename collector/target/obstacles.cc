#include "collector/target/obstacles.h"

#include <fcntl.h>
#include <unistd.h>

#include <optional>

#include "collector/base/error.h"
#include "collector/base/text.h"
#include "collector/base/unique_fd.h"

namespace ec {

namespace {

// At most 16 KiB; nothing when it cannot be read.
std::optional<std::string> read_small(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  std::string text(16 * 1024, '\0');
  ssize_t got = read(fd.get(), text.data(), text.size());
  if (got < 0) return std::nullopt;
  text.resize(static_cast<size_t>(got));
  return text;
}

bool has_line(std::string_view text, std::string_view wanted) {
  LineCursor lines("", text);
  while (auto line = lines.next())
    if (trim(*line) == wanted) return true;
  return false;
}

}  // namespace

// cgroup.events of version 2, freezer.state of version 1 (kernel Documentation/admin-guide/cgroup-v2.rst and v1
// freezer).
bool cgroup_frozen(pid_t pid) {
  auto groups = read_small(fmt::format("/proc/{}/cgroup", pid));
  if (!groups) return false;
  LineCursor lines("cgroup", *groups);
  while (auto line = lines.next()) {
    auto parts = split(*line, ':');
    if (parts.size() < 3) continue;
    std::string_view path = line->substr(parts[0].size() + parts[1].size() + 2);
    if (parts[1].empty()) {
      auto events = read_small(fmt::format("/sys/fs/cgroup{}/cgroup.events", path));
      if (events && has_line(*events, "frozen 1")) return true;
    } else if (parts[1] == "freezer") {
      auto state = read_small(fmt::format("/sys/fs/cgroup/freezer{}/freezer.state", path));
      if (state && trim(*state) != "THAWED") return true;
    }
  }
  return false;
}

std::string obstacle_to_stopping(pid_t pid, pid_t live_tid) {
  if (pid == getpid()) return "a process cannot stop itself";
  if (auto status = read_small(fmt::format("/proc/{}/task/{}/status", pid, live_tid))) {
    LineCursor lines("status", *status);
    while (auto line = lines.next()) {
      if (!line->starts_with("TracerPid:")) continue;
      auto tracer = parse_number<int>(trim(line->substr(10)));
      if (!tracer || *tracer == 0) break;
      auto name = read_small(fmt::format("/proc/{}/comm", *tracer));
      return fmt::format("{} ({}) traces it already", printable_line(trim(name.value_or("a process")), 32), *tracer);
    }
  }
  if (cgroup_frozen(pid)) return "its cgroup is frozen";
  return {};
}

}  // namespace ec
