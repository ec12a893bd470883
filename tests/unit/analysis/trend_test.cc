#include "collector/analysis/trend.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>

using namespace ec;

namespace {

using Kind = Trend::Kind;

// One point a second.
std::vector<TrendPoint> series(size_t count, const std::function<double(size_t)>& value) {
  std::vector<TrendPoint> points;
  for (size_t i = 0; i < count; ++i) points.push_back({static_cast<double>(i), value(i)});
  return points;
}
std::vector<TrendPoint> series(const std::vector<double>& values) {
  return series(values.size(), [&](size_t i) { return values[i]; });
}
std::string_view kind_of(const std::vector<TrendPoint>& points, double worth_telling = 1) {
  return to_string(trend_of(points, worth_telling).kind);
}
// -1 … 1, the same in every run.
double noise(size_t i) {
  return std::sin(static_cast<double>(i) * 12.9898) * std::cos(static_cast<double>(i) * 78.233);
}

}  // namespace

TEST_CASE("what grows by the same step is growing, at that pace") {
  auto trend = trend_of(series(10, [](size_t i) { return 100.0 + 5.0 * static_cast<double>(i); }), 1);
  CHECK(trend.growing());
  CHECK(trend.points == 10);
  CHECK(trend.seconds == 9);
  CHECK(trend.first == 100);
  CHECK(trend.change() == 45);
  CHECK(trend.per_minute == Approx(300));
  CHECK(trend.per_minute_low == Approx(300));
  CHECK(trend.per_minute_high == Approx(300));
  CHECK(trend.confidence > 0.999);
}

TEST_CASE("the slope is told with what it may be") {
  auto trend = trend_of(series(40, [](size_t i) { return 10.0 * static_cast<double>(i) + 30 * noise(i); }), 1);
  CHECK(trend.growing());
  CHECK(trend.per_minute == Approx(600).epsilon(0.1));
  CHECK(trend.per_minute_low < trend.per_minute);
  CHECK(trend.per_minute_high > trend.per_minute);
  CHECK(trend.per_minute_low > 400);
  CHECK(trend.per_minute_high < 800);
}

TEST_CASE("one wild reading does not move the slope") {
  auto points = series(20, [](size_t i) { return static_cast<double>(i); });
  points[7].value = 1e6;
  auto trend = trend_of(points, 1);
  CHECK(trend.growing());
  CHECK(trend.per_minute == Approx(60).epsilon(0.1));
}

TEST_CASE("two points are growth and no trend") {
  auto trend = trend_of({{0, 100}, {120, 160}}, 1);
  CHECK(trend.kind == Kind::kTooFew);
  CHECK(trend.change() == 60);
  CHECK(trend.per_minute == Approx(30));
  CHECK(trend.confidence == 0);
  CHECK(trend_of({}, 1).kind == Kind::kTooFew);
  CHECK(trend_of({{5, 1}}, 1).per_minute == 0);
}

TEST_CASE("what stays is steady") {
  CHECK(kind_of(series(20, [](size_t) { return 7.0; })) == "steady");
  CHECK(kind_of(series(40, [](size_t i) { return 1000 + 50 * noise(i); })) == "steady");
  CHECK(kind_of(series(20, [](size_t i) { return 500.0 - 3.0 * static_cast<double>(i); })) == "steady");
}

TEST_CASE("growth that is not worth a word is steady") {
  auto points = series(10, [](size_t i) { return 1000 + 0.5 * static_cast<double>(i); });
  CHECK(kind_of(points, 100) == "steady");
  CHECK(kind_of(points, 1) == "growing");
}

TEST_CASE("a cache that fills is at a plateau, wherever it became full") {
  for (double full_at : {0.2, 0.4, 0.5, 0.6, 0.7}) {
    INFO(full_at);
    auto points = series(20, [&](size_t i) { return std::min(static_cast<double>(i), 20 * full_at) * 10; });
    CHECK(kind_of(points) == "plateau");
    auto ten = series(10, [&](size_t i) { return std::min(static_cast<double>(i), 10 * full_at) * 10; });
    CHECK(kind_of(ten) == "plateau");
  }
  // Full by and by: the fuller, the rarer a miss.
  CHECK(kind_of(series(30, [](size_t i) { return 100 * (1 - std::exp(-static_cast<double>(i) / 4)); })) == "plateau");
  // And breathing afterwards.
  CHECK(kind_of(series(40, [](size_t i) { return std::min(static_cast<double>(i), 18.0) * 10 + 2 * noise(i); })) ==
        "plateau");
}

TEST_CASE("one step is a plateau, two are not taken for less than they are") {
  CHECK(kind_of(series({10, 10, 10, 10, 10, 20, 20, 20, 20, 20})) == "plateau");
  CHECK(kind_of(series({10, 10, 10, 10, 10, 10, 10, 10, 20, 20, 20, 20})) == "plateau");
  CHECK(kind_of(series({10, 10, 20, 20, 30, 30, 40, 40, 50, 50})) == "growing");
}

TEST_CASE("the saw-tooth of a garbage collector does not grow") {
  for (size_t period = 2; period <= 14; ++period) {
    INFO(period);
    CHECK(kind_of(series(40, [&](size_t i) { return 100.0 + 30.0 * static_cast<double>(i % period); })) != "growing");
  }
  CHECK(kind_of(series(40, [](size_t i) { return 100.0 + 30.0 * static_cast<double>(i % 4); })) == "steady");
}

TEST_CASE("a leak below a saw-tooth is growing") {
  for (size_t period : {3u, 4u, 6u}) {
    INFO(period);
    auto points = series(
        40, [&](size_t i) { return 100.0 + 20.0 * static_cast<double>(i % period) + 6.0 * static_cast<double>(i); });
    auto trend = trend_of(points, 1);
    CHECK(to_string(trend.kind) == "growing");
    CHECK(trend.per_minute == Approx(360).epsilon(0.2));
  }
}

TEST_CASE("a cache that fills below a saw-tooth is not growing") {
  auto points = series(40, [](size_t i) {
    return 100.0 + 10.0 * static_cast<double>(i % 4) + 10.0 * std::min(static_cast<double>(i), 20.0);
  });
  CHECK(kind_of(points) == "plateau");
}

TEST_CASE("many points are taken together and tell the same") {
  auto trend = trend_of(series(50'000, [](size_t i) { return 2.0 * static_cast<double>(i) + 500 * noise(i); }), 1);
  CHECK(trend.growing());
  CHECK(trend.points == 50'000);
  CHECK(trend.per_minute == Approx(120).epsilon(0.02));
  CHECK(kind_of(series(50'000, [](size_t i) { return std::min(static_cast<double>(i), 20'000.0); })) == "plateau");
}

TEST_CASE("numbers that are none and clocks that go back are survived") {
  auto points = series(10, [](size_t i) { return static_cast<double>(i); });
  points[3].value = std::numeric_limits<double>::quiet_NaN();
  points[4].value = std::numeric_limits<double>::infinity();
  CHECK(trend_of(points, 1).points == 8);
  CHECK(kind_of(points) == "growing");
  points[6].at_seconds = 2;
  CHECK(trend_of(points, 1).points == 4);
  CHECK(trend_of(std::vector<TrendPoint>(20, {0, 5}), 1).points == 1);
}

TEST_CASE("when a limit is reached follows from the slope") {
  auto growing = trend_of(series(10, [](size_t i) { return 10.0 * static_cast<double>(i); }), 1);
  CHECK(seconds_until(growing, 1090).value() == Approx(100));
  CHECK(seconds_until(growing, 50).value() == 0);
  CHECK_FALSE(seconds_until(trend_of(series(10, [](size_t) { return 1.0; }), 1), 1000));
  CHECK_FALSE(seconds_until(trend_of({{0, 1}, {60, 2}}, 1), 1000));
}
