// What the tails of logs say, in short: which kinds of lines report trouble, how often, and when last. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "collector/collectors/log_reports.h"
#include "collector/proc/kmsg.h"
#include "collector/proc/log_line.h"
#include "collector/snapshot/files.h"

namespace ec {

class LogDigest {
 public:
  // One log, oldest line first. `artifact` is where it is in the archive. Lines are counted from 1. A log that is not
  // `current` (nobody has written to it lately) has no part in rates: its burst is history.
  void add(std::string_view artifact, std::string_view text, bool current = true);
  // Errors and worse (levels 0 to 3) of the kernel log; the artifact is raw/kmsg.txt. They do not count as error lines
  // of the target.
  void add_kernel_log(const std::vector<KmsgRecord>& records);

  // Sets digest, go_panics, races, error_lines, lines, errors_per_minute, span_seconds and last_errors of `logs`.
  // errors_per_minute: of the last five minutes that each log's own time stamps show, summed over the logs.
  void finish(Logs& logs) const;

 private:
  struct Group {
    LogDigestLine line;
    LogLevel level = LogLevel::kNone;
  };
  struct LastError {
    double time = 0;  // 0: the line has none
    std::string text;
  };

  void count(LogLevel level, std::string_view line, std::string_view artifact, int number, bool target_log);

  std::unordered_map<std::string, Group> groups_;
  LogReports reports_;
  uint64_t not_grouped_ = 0;
  uint64_t error_lines_ = 0, lines_ = 0;
  double errors_per_minute_ = 0, span_seconds_ = 0;
  bool timed_ = false;
  std::vector<LastError> last_errors_;
};

}  // namespace ec
