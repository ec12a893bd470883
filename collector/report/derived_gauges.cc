#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "collector/analysis/growth.h"
#include "collector/analysis/words.h"
#include "collector/base/text.h"
#include "collector/report/derived.h"
#include "collector/report/text_layout.h"

namespace ec::derived {

namespace {

using Out = std::back_insert_iterator<std::string>;

constexpr size_t kMostRows = 2000, kMostPoints = 400;
constexpr double kWidth = 480, kHeight = 48, kLeft = 190, kRowHeight = 72;

// That it rises at all; never more than a series can tell.
std::string confidence(const Trend& trend) {
  if (trend.kind == Trend::Kind::kTooFew) return {};
  return trend.confidence > 0.999 ? "> 99.9 %" : fmt::format("{:.1f} %", 100 * trend.confidence);
}

// Every sample of one series.
std::string samples_table(const GaugeSeries& series) {
  std::vector<Gauge> columns;
  for (size_t i = 0; i < kGauges; ++i)
    if (std::any_of(series.samples.begin(), series.samples.end(), [&](const auto& sample) { return sample.value[i]; }))
      columns.push_back(static_cast<Gauge>(i));
  std::vector<std::string> header{">SECONDS"};
  for (Gauge gauge : columns) header.push_back(">" + std::string(gauge_key(gauge)));
  TextTable table(header);
  for (size_t i = 0; i < std::min(series.samples.size(), kMostRows); ++i) {
    const GaugeSample& sample = series.samples[i];
    std::vector<std::string> cells{fmt::format("{:.3f}", static_cast<double>(sample.at_ns) / 1e9)};
    for (Gauge gauge : columns) {
      auto value = sample.value[static_cast<size_t>(gauge)];
      cells.push_back(value ? fmt::format("{:.0f}", *value) : "-");
    }
    table.row(std::move(cells));
  }
  std::string text = fmt::format("\n{} of {} asked for, {} apart\n\n", counted(series.samples.size(), "sample"),
                                 series.asked, human_duration(static_cast<double>(series.every_ns) / 1e9)) +
                     table.text();
  if (series.samples.size() > kMostRows) text += fmt::format("… {} more in raw/\n", series.samples.size() - kMostRows);
  return text;
}

std::string gauges_txt(const Snapshot& snapshot, const std::vector<Growth>& all) {
  TextTable trends({"GAUGE", "TREND", "CONFIDENCE"});
  for (const Growth& growth : all)
    trends.row({std::string(gauge_label(growth.gauge)), growth_words(growth), confidence(growth.trend)});
  std::string text = trends.text();
  auto grown = grown_mappings(snapshot);
  if (!grown.empty())
    text += "\nWritable private mappings that became larger, by their size (not all of it is in use):\n";
  for (size_t i = 0; i < std::min<size_t>(grown.size(), 20); ++i)
    fmt::format_to(Out(text), "  {:>10}  {}\n", human_bytes(static_cast<double>(grown[i].bytes)),
                   plain_line(grown[i].name, 200));
  if (snapshot.runtime_gauges && !snapshot.runtime_gauges->allocations.empty()) {
    text += "\nOn the heap at the end and not at the beginning, by the call path that allocated it:\n";
    for (const GrownAllocation& one : snapshot.runtime_gauges->allocations) {
      fmt::format_to(Out(text), "  {:>10}  {} objects\n", human_bytes(static_cast<double>(one.bytes)), one.objects);
      for (size_t i = 0; i < std::min<size_t>(one.functions.size(), 40); ++i)
        fmt::format_to(Out(text), "              {}\n", plain_line(one.functions[i], 200));
    }
  }
  for (const auto* series : {&snapshot.gauges, &snapshot.runtime_gauges})
    if (*series) text += samples_table(**series);
  return text;
}

// A line from its least to its greatest value.
std::string line_of(const GaugeSeries& series, Gauge gauge, double top) {
  std::vector<std::pair<double, double>> points;
  for (const GaugeSample& sample : series.samples)
    if (auto value = sample.value[static_cast<size_t>(gauge)])
      points.emplace_back(static_cast<double>(sample.at_ns), *value);
  auto by_value = [](const auto& a, const auto& b) { return a.second < b.second; };
  auto [low, high] = std::minmax_element(points.begin(), points.end(), by_value);
  double begin = points.front().first, span = std::max(1.0, points.back().first - begin);
  double least = low->second, range = std::max(high->second - least, 1e-9);
  bool level = high->second == least;
  std::string line;
  size_t each = points.size() / kMostPoints + 1;
  for (size_t i = 0; i < points.size(); i += each)
    fmt::format_to(Out(line), "{:.1f},{:.1f} ", kLeft + kWidth * (points[i].first - begin) / span,
                   top + kHeight * (level ? 0.5 : 1 - (points[i].second - least) / range));
  return line;
}

// As in growths(): the process first.
const GaugeSeries& series_of(const Snapshot& snapshot, Gauge gauge) {
  auto read = [&](const GaugeSample& sample) { return sample.value[static_cast<size_t>(gauge)].has_value(); };
  bool own =
      snapshot.gauges && std::count_if(snapshot.gauges->samples.begin(), snapshot.gauges->samples.end(), read) > 1;
  return own ? *snapshot.gauges : *snapshot.runtime_gauges;
}

// Text in it is ours and numbers.
std::string gauges_svg(const Snapshot& snapshot, const std::vector<Growth>& all) {
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
      kLeft + kWidth + 20, kRowHeight * static_cast<double>(all.size()) + 20);
  double top = 16;
  for (const Growth& growth : all) {
    const char* colour = growth.trend.growing() ? "#c0392b" : "#2c7fb8";
    fmt::format_to(Out(svg),
                   "<text x=\"10\" y=\"{:.0f}\">{}</text>\n<text x=\"{:.0f}\" y=\"{:.0f}\" font-size=\"10\" "
                   "fill=\"#555\">{}</text>\n<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" "
                   "points=\"{}\"/>\n",
                   top + kHeight / 2, gauge_label(growth.gauge), kLeft, top + kHeight + 14, growth_words(growth),
                   colour, line_of(series_of(snapshot, growth.gauge), growth.gauge, top));
    top += kRowHeight;
  }
  return svg + "</svg>\n";
}

}  // namespace

void gauges(const Snapshot& snapshot, Artifacts& out) {
  auto all = growths(snapshot);
  if (all.empty()) return;
  const std::string source = "raw/gauges.bundle, raw/runtime_gauges.bundle";
  out.push_back({"process/gauges.txt", source, gauges_txt(snapshot, all)});
  out.push_back({"process/gauges.svg", source, gauges_svg(snapshot, all)});
}

}  // namespace ec::derived
