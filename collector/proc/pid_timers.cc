#include "collector/proc/pid_timers.h"

#include <array>

#include "collector/base/text.h"
#include "collector/proc/signals.h"

namespace ec {

namespace {

bool take_line(PidTimer& timer, std::string_view key, std::string_view value) {
  auto take = [](std::string_view text, int& number) {
    auto parsed = parse_number<int>(text);
    if (parsed) number = *parsed;
    return parsed.has_value();
  };
  if (key == "signal") return take(value.substr(0, value.find('/')), timer.signal);
  if (key == "ClockID") return take(value, timer.clock);
  if (key != "notify") return true;
  // "signal/pid.2634", "thread/tid.2635"
  size_t slash = value.find('/');
  size_t dot = value.find('.', slash == std::string_view::npos ? 0 : slash);
  if (slash == std::string_view::npos || dot == std::string_view::npos) return false;
  timer.notify = value.substr(0, slash);
  timer.to_thread = value.substr(slash + 1, dot - slash - 1) == "tid";
  return take(value.substr(dot + 1), timer.receiver);
}

}  // namespace

Result<std::vector<PidTimer>> parse_pid_timers(std::string_view where, std::string_view text) {
  std::vector<PidTimer> timers;
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    size_t colon = line->find(':');
    if (colon == std::string_view::npos) return tl::unexpected(lines.expected("key: value"));
    std::string_view key = line->substr(0, colon), value = trim(line->substr(colon + 1));
    if (key == "ID") {
      auto id = parse_number<int>(value);
      if (!id) return tl::unexpected(lines.expected("a timer number"));
      timers.emplace_back().id = *id;
    } else if (timers.empty()) {
      return tl::unexpected(lines.expected("ID: number"));
    } else if (!take_line(timers.back(), key, value)) {
      return tl::unexpected(lines.expected(fmt::format("a value for {}", key.substr(0, 40))));
    }
  }
  return timers;
}

std::string clock_name(int clock) {
  constexpr std::array<std::string_view, 12> kNames{
      "CLOCK_REALTIME",       "CLOCK_MONOTONIC",       "CLOCK_PROCESS_CPUTIME_ID", "CLOCK_THREAD_CPUTIME_ID",
      "CLOCK_MONOTONIC_RAW",  "CLOCK_REALTIME_COARSE", "CLOCK_MONOTONIC_COARSE",   "CLOCK_BOOTTIME",
      "CLOCK_REALTIME_ALARM", "CLOCK_BOOTTIME_ALARM",  "CLOCK_SGI_CYCLE",          "CLOCK_TAI"};
  if (clock >= 0 && static_cast<size_t>(clock) < kNames.size()) return std::string(kNames[static_cast<size_t>(clock)]);
  return fmt::format("{} {}", clock < 0 ? "CPU clock" : "clock", clock);
}

std::string timer_words(const PidTimer& timer) {
  std::string words = fmt::format("timer {} on {}", timer.id, clock_name(timer.clock));
  if (timer.notify == "none") return words + " tells nobody";
  std::string receiver = fmt::format("{} {}", timer.to_thread ? "thread" : "process", timer.receiver);
  if (timer.notify == "thread") return fmt::format("{} starts a thread of {}", words, receiver);
  return fmt::format("{} sends {} to {}", words, signal_name(timer.signal), receiver);
}

}  // namespace ec
