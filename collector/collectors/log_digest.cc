#include "collector/collectors/log_digest.h"

#include <algorithm>
#include <deque>
#include <optional>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kMostGroups = 1000;     // while counting
constexpr size_t kMostDigestLines = 40;  // in the result
constexpr size_t kMostLastErrors = 10;
constexpr size_t kExampleBytes = 300;
constexpr double kRecentSeconds = 300;
constexpr int kKernelError = 3;  // KERN_ERR

}  // namespace

void LogDigest::count(LogLevel level, std::string_view line, std::string_view artifact, int number, bool target_log) {
  std::string pattern = log_pattern(line);
  std::string key = fmt::format("{}{}{}", static_cast<int>(level), target_log ? 't' : 'k', pattern);
  if (groups_.size() >= kMostGroups && !groups_.contains(key)) {
    ++not_grouped_;
    return;
  }
  Group& group = groups_[std::move(key)];
  if (group.line.count++ == 0) {
    group.level = level;
    group.line.pattern = std::move(pattern);
    group.line.level = to_string(level);
    group.line.target_log = target_log;
  }
  group.line.artifact = artifact;
  group.line.line = number;
  group.line.example = printable_line(line, kExampleBytes);
}

void LogDigest::add(std::string_view artifact, std::string_view text, bool current) {
  reports_.add(artifact, text, current);
  LineCursor cursor(artifact, text);
  std::optional<double> first, last;
  std::vector<double> error_times;
  std::deque<LastError> latest;
  while (auto line = cursor.next()) {
    ++lines_;
    if (line->ends_with('\r')) line->remove_suffix(1);
    auto time = log_time(*line);
    if (time) {
      first = std::min(first.value_or(*time), *time);
      last = std::max(last.value_or(*time), *time);
    }
    LogLevel level = log_level(*line);
    if (level == LogLevel::kNone) continue;
    count(level, *line, artifact, cursor.line_number(), true);
    if (level == LogLevel::kWarning) continue;
    ++error_lines_;
    // A crash report has no stamp of its own: it belongs to the moment of the line before it.
    if (last) error_times.push_back(time.value_or(*last));
    latest.push_back({time.value_or(last.value_or(0)), printable_line(*line, kExampleBytes)});
    if (latest.size() > kMostLastErrors) latest.pop_front();
  }
  last_errors_.insert(last_errors_.end(), latest.begin(), latest.end());
  if (!current || !first || *last - *first < 1) return;
  timed_ = true;
  double span = *last - *first, window = std::min(span, kRecentSeconds);
  span_seconds_ = std::max(span_seconds_, span);
  auto recent =
      std::count_if(error_times.begin(), error_times.end(), [&](double time) { return time >= *last - window; });
  errors_per_minute_ += static_cast<double>(recent) / (window / 60);
}

void LogDigest::add_kernel_log(const std::vector<KmsgRecord>& records) {
  for (const KmsgRecord& record : records)
    if (record.facility == 0 && record.level <= kKernelError)
      count(record.level < kKernelError ? LogLevel::kFatal : LogLevel::kError, record.text, "raw/kmsg.txt", record.line,
            false);
}

void LogDigest::finish(Logs& logs) const {
  std::vector<const Group*> order;
  for (const auto& [key, group] : groups_) order.push_back(&group);
  std::sort(order.begin(), order.end(), [](const Group* a, const Group* b) {
    if (a->level != b->level) return a->level > b->level;
    if (a->line.count != b->line.count) return a->line.count > b->line.count;
    return a->line.pattern < b->line.pattern;
  });
  if (order.size() > kMostDigestLines) order.resize(kMostDigestLines);
  logs.digest.clear();
  for (const Group* group : order) logs.digest.push_back(group->line);
  reports_.finish(logs);
  logs.lines = lines_;
  logs.error_lines = error_lines_;
  logs.errors_per_minute = timed_ ? std::optional(errors_per_minute_) : std::nullopt;
  logs.span_seconds = timed_ ? std::optional(span_seconds_) : std::nullopt;

  std::vector<LastError> latest = last_errors_;
  std::stable_sort(latest.begin(), latest.end(),
                   [](const LastError& a, const LastError& b) { return a.time < b.time; });
  if (latest.size() > kMostLastErrors) latest.erase(latest.begin(), latest.end() - kMostLastErrors);
  logs.last_errors.clear();
  for (LastError& error : latest) logs.last_errors.push_back(std::move(error.text));
}

}  // namespace ec
