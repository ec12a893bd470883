#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ec {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// A moment after which nobody waits any longer.
class Deadline {
 public:
  static Deadline in(nanoseconds span) { return Deadline(Clock::now() + span); }
  static Deadline never() { return Deadline(Clock::time_point::max()); }
  explicit Deadline(Clock::time_point at) : at_(at) {}

  Clock::time_point at() const { return at_; }
  bool passed() const { return Clock::now() >= at_; }
  // Rounded up to whole milliseconds, 0 when passed, at most an hour: fit for poll(2).
  int remaining_ms() const;
  // When this share (0 to 1) of the time that is left has gone; never stays never.
  Deadline after_share(double share) const;
  Deadline earlier_of(Deadline other) const { return at_ < other.at_ ? *this : other; }

 private:
  Clock::time_point at_;
};

// Nanoseconds since the epoch, UTC (CLOCK_REALTIME).
int64_t wall_clock_ns();
// "2026-11-20T21:46:38Z"; with milliseconds: "2026-11-20T21:46:38.123Z" (RFC 3339, UTC).
std::string rfc3339(int64_t wall_ns, bool with_milliseconds = false);
// "20261120T214638Z", as used in archive names.
std::string compact_utc(int64_t wall_ns);

}  // namespace ec
