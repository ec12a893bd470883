#include "collector/base/clock.h"

#include <fmt/core.h>
#include <time.h>

#include <algorithm>

namespace ec {

int Deadline::remaining_ms() const {
  if (at_ == Clock::time_point::max()) return 3600 * 1000;
  auto left = at_ - Clock::now();
  if (left <= nanoseconds::zero()) return 0;
  auto ms = std::chrono::ceil<milliseconds>(left).count();
  return static_cast<int>(std::min<int64_t>(ms, 3600 * 1000));
}

Deadline Deadline::after_share(double share) const {
  if (at_ == Clock::time_point::max()) return *this;
  auto now = Clock::now();
  auto left = std::chrono::duration<double, std::nano>(std::max(at_ - now, Clock::duration::zero()));
  return Deadline(now + std::chrono::duration_cast<nanoseconds>(left * share));
}

int64_t wall_clock_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Rounded down, before the epoch too: there the remainder is negative.
static int64_t floor_divide(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

static tm broken_down_utc(int64_t wall_ns) {
  time_t seconds = static_cast<time_t>(floor_divide(wall_ns, 1'000'000'000));
  tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

std::string rfc3339(int64_t wall_ns, bool with_milliseconds) {
  tm t = broken_down_utc(wall_ns);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                                 t.tm_hour, t.tm_min, t.tm_sec);
  if (with_milliseconds)
    text += fmt::format(".{:03}", floor_divide(wall_ns, 1'000'000) - floor_divide(wall_ns, 1'000'000'000) * 1000);
  return text + "Z";
}

std::string compact_utc(int64_t wall_ns) {
  tm t = broken_down_utc(wall_ns);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
                     t.tm_sec);
}

}  // namespace ec
