#include "collector/analysis/trend.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace ec {

namespace {

constexpr size_t kMostPoints = 240;       // pairs are compared: more points are taken together
constexpr double kSignificant = 0.95;     // confidence
constexpr double kStillGrowing = 0.25;    // of the usual pace, in the last third
constexpr double kOneStep = 0.5;          // of all growth
constexpr double kNinetyPercent = 1.645;  // standard normal distribution, both sides

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

std::vector<TrendPoint> ascending(const std::vector<TrendPoint>& points) {
  std::vector<TrendPoint> good;
  for (const TrendPoint& point : points) {
    if (!std::isfinite(point.value) || !std::isfinite(point.at_seconds)) continue;
    if (!good.empty() && point.at_seconds <= good.back().at_seconds) break;
    good.push_back(point);
  }
  return good;
}

// Neighbours become their median, so that the number of pairs stays small.
std::vector<TrendPoint> thinned(const std::vector<TrendPoint>& points) {
  size_t each = (points.size() + kMostPoints - 1) / kMostPoints;
  if (each <= 1) return points;
  std::vector<TrendPoint> few;
  for (size_t begin = 0; begin < points.size(); begin += each) {
    std::vector<double> times, values;
    for (size_t i = begin; i < std::min(points.size(), begin + each); ++i)
      times.push_back(points[i].at_seconds), values.push_back(points[i].value);
    few.push_back({median(std::move(times)), median(std::move(values))});
  }
  return few;
}

struct Kendall {
  double score = 0, variance = 0;  // S and its variance where nothing but chance is at work; with ties (Kendall 1975)
  // That there is a rise.
  double confidence() const {
    if (score <= 0 || variance <= 0) return 0;
    return 1 - std::erfc((score - 1) / std::sqrt(variance) / std::sqrt(2.0)) / 2;
  }
};

Kendall kendall_of(const std::vector<TrendPoint>& points) {
  Kendall kendall;
  std::map<double, double> ties;
  for (size_t i = 0; i < points.size(); ++i) {
    ++ties[points[i].value];
    for (size_t j = i + 1; j < points.size(); ++j)
      kendall.score += points[j].value > points[i].value ? 1 : points[j].value < points[i].value ? -1 : 0;
  }
  auto n = static_cast<double>(points.size());
  kendall.variance = n * (n - 1) * (2 * n + 5);
  for (const auto& [value, count] : ties) kendall.variance -= count * (count - 1) * (2 * count + 5);
  kendall.variance /= 18;
  return kendall;
}

void set_slope(const std::vector<TrendPoint>& points, const Kendall& kendall, Trend& trend) {
  std::vector<double> slopes;
  for (size_t i = 0; i < points.size(); ++i)
    for (size_t j = i + 1; j < points.size(); ++j)
      slopes.push_back(60 * (points[j].value - points[i].value) / (points[j].at_seconds - points[i].at_seconds));
  std::sort(slopes.begin(), slopes.end());
  auto at = [&](double rank) {
    return slopes[static_cast<size_t>(std::clamp(rank, 0.0, static_cast<double>(slopes.size() - 1)))];
  };
  auto pairs = static_cast<double>(slopes.size());
  double half = kNinetyPercent * std::sqrt(std::max(kendall.variance, 0.0)) / 2;
  trend.per_minute = (at((pairs - 1) / 2) + at(pairs / 2)) / 2;
  trend.per_minute_low = at(pairs / 2 - half - 1);
  trend.per_minute_high = at(pairs / 2 + half);
}

// Each inner point becomes the median of itself and its neighbours: a single wild reading is no peak.
std::vector<TrendPoint> without_outliers(const std::vector<TrendPoint>& points) {
  auto smooth = points;
  for (size_t i = 1; i + 1 < points.size(); ++i)
    smooth[i].value = median({points[i - 1].value, points[i].value, points[i + 1].value});
  return smooth;
}

// Floor and peak of each third.
bool still_grows(const std::vector<TrendPoint>& points) {
  std::array<double, 3> floor{}, peak{};
  for (size_t third = 0; third < 3; ++third) {
    auto begin = points.begin() + static_cast<std::ptrdiff_t>(third * points.size() / 3),
         end = points.begin() + static_cast<std::ptrdiff_t>((third + 1) * points.size() / 3);
    auto [low, high] = std::minmax_element(begin, end, [](const auto& a, const auto& b) { return a.value < b.value; });
    floor[third] = low->value;
    peak[third] = high->value;
  }
  for (const auto& level : {floor, peak}) {
    double pace = (level[2] - level[0]) / 2;
    if (pace <= 0 || level[2] - level[1] < kStillGrowing * pace) return false;
  }
  // The last few say so at once when it has just come to its end.
  size_t few = std::max<size_t>(3, points.size() / 4);
  auto tail = points.end() - static_cast<std::ptrdiff_t>(few);
  return std::any_of(tail, points.end(), [&](const TrendPoint& point) { return point.value > tail->value; });
}

// Whether nothing is left of the growth when its largest step is taken away.
bool one_step(std::vector<TrendPoint> points) {
  size_t at = 1;
  auto step = [&](size_t i) { return points[i].value - points[i - 1].value; };
  for (size_t i = 2; i < points.size(); ++i)
    if (step(i) > step(at)) at = i;
  double height = step(at);
  if (height < kOneStep * (points.back().value - points.front().value)) return false;
  for (size_t i = at; i < points.size(); ++i) points[i].value -= height;
  return kendall_of(points).confidence() < kSignificant;
}

}  // namespace

std::string_view to_string(Trend::Kind kind) {
  static constexpr std::array<std::string_view, 4> kWords{"too few samples", "steady", "plateau", "growing"};
  return kWords.at(static_cast<size_t>(kind));
}

Trend trend_of(const std::vector<TrendPoint>& all, double worth_telling) {
  auto points = ascending(all);
  Trend trend;
  trend.points = points.size();
  if (points.empty()) return trend;
  trend.first = points.front().value;
  trend.last = points.back().value;
  trend.seconds = points.back().at_seconds - points.front().at_seconds;
  if (points.size() < kFewestTrendPoints) {
    if (trend.seconds > 0) trend.per_minute = 60 * trend.change() / trend.seconds;
    return trend;
  }
  points = thinned(points);
  Kendall kendall = kendall_of(points);
  set_slope(points, kendall, trend);
  trend.confidence = kendall.confidence();
  trend.kind = Trend::Kind::kSteady;
  bool grew = trend.confidence >= kSignificant && trend.change() >= worth_telling;
  if (!grew) return trend;
  points = without_outliers(points);
  bool going_on = trend.per_minute * trend.seconds / 60 >= worth_telling && still_grows(points) && !one_step(points);
  trend.kind = going_on ? Trend::Kind::kGrowing : Trend::Kind::kPlateau;
  return trend;
}

std::optional<double> seconds_until(const Trend& trend, double limit) {
  if (!trend.growing() || trend.per_minute <= 0) return std::nullopt;
  return std::max(0.0, 60 * (limit - trend.last) / trend.per_minute);
}

}  // namespace ec
