#include "collector/proc/pressure.h"

#include <catch2/catch.hpp>

using namespace ec;

TEST_CASE("pressure: both lines of a host file") {
  auto file = parse_pressure("/proc/pressure/io",
                             "some avg10=1.81 avg60=0.40 avg300=0.08 total=3266417\n"
                             "full avg10=0.00 avg60=0.25 avg300=100.00 total=18446744073709551615\n");
  REQUIRE(file);
  REQUIRE(file->some);
  CHECK(file->some->avg10 == Approx(1.81));
  CHECK(file->some->avg60 == Approx(0.40));
  CHECK(file->some->avg300 == Approx(0.08));
  CHECK(file->some->total_us == 3266417);
  REQUIRE(file->full);
  CHECK(file->full->avg300 == Approx(100));
  CHECK(file->full->total_us == UINT64_MAX);
}

TEST_CASE("pressure: cpu before Linux 5.13 has no full line, irq no some line") {
  auto cpu = parse_pressure("cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
  REQUIRE(cpu);
  CHECK(cpu->some);
  CHECK_FALSE(cpu->full);
  auto irq = parse_pressure("irq", "full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
  REQUIRE(irq);
  CHECK_FALSE(irq->some);
  CHECK(irq->full);
}

TEST_CASE("pressure: a line of a new kind is skipped") {
  auto file = parse_pressure("x", "most avg10=what\nsome avg10=0.50 avg60=0.00 avg300=0.00 total=1\n");
  REQUIRE(file);
  CHECK(file->some->avg10 == Approx(0.5));
}

TEST_CASE("pressure: malformed lines are named by number") {
  const char* bad[] = {
      "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=x avg60=0.00 avg300=0.00 total=1\n",
      "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=nan avg60=0.00 avg300=0.00 total=1\n",
      "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00\n",
      "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=-1\n",
  };
  for (const char* text : bad) {
    INFO(text);
    auto file = parse_pressure("/proc/pressure/cpu", text);
    REQUIRE_FALSE(file);
    CHECK(file.error().code == ErrorCode::kMalformed);
    CHECK(file.error().where == "/proc/pressure/cpu:2");
  }
  CHECK(parse_pressure("x", "").error().code == ErrorCode::kTruncated);
}
