#include "collector/base/clock.h"

#include <catch2/catch.hpp>

using namespace ec;

TEST_CASE("time of day in UTC") {
  CHECK(rfc3339(0) == "1970-01-01T00:00:00Z");
  CHECK(rfc3339(1'795'211'198'123'456'789) == "2026-11-20T21:46:38Z");
  CHECK(rfc3339(1'795'211'198'123'456'789, true) == "2026-11-20T21:46:38.123Z");
  CHECK(rfc3339(1'709'164'799'999'999'999, true) == "2024-02-28T23:59:59.999Z");
  CHECK(rfc3339(1'709'164'800'000'000'000) == "2024-02-29T00:00:00Z");
  CHECK(compact_utc(1'795'211'198'000'000'000) == "20261120T214638Z");
  // A clock that was never set may stand before the epoch.
  CHECK(rfc3339(-1, true) == "1969-12-31T23:59:59.999Z");
  CHECK(rfc3339(-1'000'000'000) == "1969-12-31T23:59:59Z");
  CHECK(wall_clock_ns() > 1'700'000'000'000'000'000);
}

TEST_CASE("deadlines") {
  Deadline never = Deadline::never(), past = Deadline::in(-milliseconds(5)), soon = Deadline::in(std::chrono::hours(2));
  CHECK(!never.passed());
  CHECK(never.remaining_ms() == 3600 * 1000);
  CHECK(past.passed());
  CHECK(past.remaining_ms() == 0);
  CHECK(soon.remaining_ms() == 3600 * 1000);  // poll(2) is asked again after an hour
  CHECK(never.earlier_of(past).passed());
  CHECK(past.earlier_of(never).passed());
  // Rounded up: a poll that ends a microsecond early would spin.
  CHECK(Deadline::in(std::chrono::microseconds(900'500)).remaining_ms() <= 901);
  CHECK(Deadline::in(std::chrono::seconds(10)).remaining_ms() > 9000);
}

TEST_CASE("a share of the time that is left") {
  CHECK(Deadline::never().after_share(0.5).at() == Clock::time_point::max());
  Deadline hour = Deadline::in(std::chrono::hours(1));
  auto half = hour.after_share(0.5).at();
  CHECK(half < hour.at() - std::chrono::minutes(29));
  CHECK(half > hour.at() - std::chrono::minutes(31));
  CHECK(Deadline::in(-std::chrono::hours(1)).after_share(0.5).passed());
}
