#include "collector/collectors/log_choice.h"

#include <algorithm>
#include <array>

#include "collector/base/text.h"

namespace ec {

namespace {

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

template <size_t N>
bool ends_with_any(std::string_view text, const std::array<std::string_view, N>& ends) {
  return std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return text.ends_with(end); });
}

}  // namespace

int log_likelihood(std::string_view path, int fd, bool append) {
  constexpr std::array<std::string_view, 22> kData{
      ".aof", ".rdb",       ".db",  ".sqlite",  ".sqlite3", "-wal",  "-shm", "-journal",
      ".wal", ".ibd",       ".sst", ".ldb",     ".journal", ".lock", ".pid", ".index",
      ".gz",  ".timeindex", ".bin", ".history", ".hprof",   ".jfr"};
  constexpr std::array<std::string_view, 6> kLog{".log", ".err", ".out", ".stderr", ".stdout", ".jsonl"};
  constexpr std::array<std::string_view, 6> kNotLogs{"/proc/", "/sys/", "/dev/", "/pg_wal/", "/pg_xlog/", "/binlog"};
  std::string_view name = base_name(path);
  if (ends_with_any(name, kData)) return 0;
  for (std::string_view folder : kNotLogs)
    if (contains(path, folder)) return 0;
  int score = 0;
  if (fd == 1 || fd == 2) score += 30;
  if (ends_with_any(name, kLog) || contains(name, ".log.") || contains(name, "_log")) score += 15;
  if (path.starts_with("/var/log/") || contains(path, "/log/") || contains(path, "/logs/")) score += 10;
  if (append) score += 10;
  // Kafka and other stores name their data *.log: always appended to at a position, never with O_APPEND, and numbered.
  std::string_view stem = name.substr(0, name.find('.'));
  bool numbered = !stem.empty() && std::all_of(stem.begin(), stem.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (numbered && !append) return 0;
  if (score > 0 && (contains(name, "error") || contains(name, "err"))) score += 20;
  return score;
}

std::string log_artifact(std::string_view path, int fd) {
  std::string_view name = base_name(path);
  if (name.ends_with(".log")) name.remove_suffix(4);
  std::string safe;
  for (char c : name.substr(0, 60)) {
    bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    safe += plain ? c : '_';
  }
  return fmt::format("logs/{}-{}.log", fd, safe.empty() ? "log" : safe);
}

std::string_view from_line_start(std::string_view tail, bool cut) {
  if (!cut) return tail;
  size_t end = tail.find('\n');
  if (end != std::string_view::npos && end + 1 < tail.size()) return tail.substr(end + 1);
  size_t skip = 0;
  while (skip < tail.size() && skip < 3 && (static_cast<unsigned char>(tail[skip]) & 0xc0) == 0x80) ++skip;
  return tail.substr(skip);
}

bool looks_like_log(std::string_view tail) {
  if (tail.empty()) return false;
  auto control = std::count_if(tail.begin(), tail.end(), [](unsigned char c) {
    return c < 0x20 && c != '\n' && c != '\t' && c != '\r' && c != 0x1b;
  });
  if (static_cast<size_t>(control) * 100 > tail.size()) return false;
  // "*3\r\n$3\r\nSET\r\n": commands of the Redis protocol.
  size_t command = tail.find("\r\n$");
  return command == std::string_view::npos || tail.find("\r\n$", command + 3) == std::string_view::npos;
}

}  // namespace ec
