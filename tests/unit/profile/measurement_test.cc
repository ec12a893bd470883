#include "collector/profile/measurement.h"

#include <catch2/catch.hpp>

using namespace ec;

TEST_CASE("values are written as go tool pprof writes them") {
  struct Row {
    int64_t value;
    const char *from, *to, *text;
  };
  static constexpr Row kRows[] = {
      {0, "bytes", "auto", "0"},
      {1, "bytes", "auto", "1B"},
      {1536, "bytes", "auto", "1.50kB"},
      {-1536, "bytes", "auto", "-1.50kB"},
      {5 << 20, "bytes", "kB", "5120kB"},
      {5 << 20, "byte", "MB", "5MB"},
      {1, "bytes", "GB", "0"},
      {10'000'000, "nanoseconds", "auto", "10ms"},
      {90'000'000'000, "ns", "auto", "90s"},
      {7'200'000'000'000, "ns", "auto", "2hrs"},
      {1500, "microseconds", "ms", "1.50ms"},
      {1500, "ms", "MB", "1.50s"},
      {3, "count", "auto", "3"},
      {3, "count", "count", "3"},
      {3, "goroutines", "widgets", "3widgets"},
      {INT64_MIN, "count", "auto", "-9223372036854775808"},
      {INT64_MAX, "bytes", "auto", "8192PB"},
  };
  for (const Row& row : kRows) {
    INFO(row.value << " " << row.from << " in " << row.to);
    CHECK(measurement_label(row.value, row.from, row.to) == row.text);
  }
}

TEST_CASE("percentages have at least two digits, and six columns") {
  CHECK(percentage(1, 1) == "  100%");
  CHECK(percentage(9'996, 10'000) == "  100%");
  CHECK(percentage(1, 8) == "12.50%");
  CHECK(percentage(-1, 8) == "12.50%");
  CHECK(percentage(16, 8) == "200.00%");
  CHECK(percentage(1, 200) == "  0.5%");
  CHECK(percentage(123, 100'000) == " 0.12%");
  CHECK(percentage(1, 10'000'000) == "1e-05%");
  CHECK(percentage(5, 0) == "    0%");
}

TEST_CASE("only units of one kind go together") {
  CHECK(units_compatible("bytes", "MB"));
  CHECK(units_compatible("ns", "Seconds"));
  CHECK(units_compatible("widgets", "widgets"));
  CHECK(!units_compatible("ns", "bytes"));
  CHECK(!units_compatible("count", "widgets"));
}

TEST_CASE("arithmetic at the ends of the range is that of Go") {
  CHECK(wrapping_sum(INT64_MAX, 1) == INT64_MIN);
  CHECK(wrapping_abs(INT64_MIN) == INT64_MIN);
  CHECK(truncated(-2.9) == -2);
  CHECK(truncated(1e30) == INT64_MIN);
  CHECK(truncated(9223372036854775808.0) == INT64_MIN);
}
