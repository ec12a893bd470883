#include "collector/profile/metrics_text.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace ec;

namespace {

struct Seen {
  std::vector<MetricSample> samples;
  std::vector<std::string> series;
  Result<MetricsOutline> outline = MetricsOutline{};
};

Seen read(std::string_view text) {
  Seen seen;
  seen.outline = parse_metrics("/metrics", text, [&](const MetricSample& sample) {
    seen.samples.push_back(sample);
    seen.series.emplace_back(sample.series);
  });
  return seen;
}

std::string problem(std::string_view text) {
  Seen seen = read(text);
  return seen.outline ? "none" : seen.outline.error().message();
}

}  // namespace

// The example of https://prometheus.io/docs/instrumenting/exposition_formats/, all of whose oddities are meant.
TEST_CASE("the text format of Prometheus is read with all its oddities") {
  Seen seen = read(R"(# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

# A histogram, which has a pretty complex representation in the text format:
# HELP http_request_duration_seconds A histogram of the request duration.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320

# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile="0.01"} 3102
rpc_duration_seconds{quantile="0.99"} NaN
rpc_duration_seconds_sum 1.7560473e+07
rpc_duration_seconds_count 2693
)");
  REQUIRE(seen.outline.has_value());
  CHECK(seen.outline->samples == 13);
  CHECK(seen.outline->families == 3);
  CHECK(!seen.outline->open_metrics);
  const MetricSample& first = seen.samples[0];
  CHECK(first.name == "http_requests_total");
  CHECK(seen.series[0] == R"(http_requests_total{method="post",code="200"})");
  CHECK(first.labels[1].name == "code");
  CHECK(first.labels[1].value == "200");
  CHECK(first.value == 1027);
  CHECK(first.timestamp_ms == 1395066363000.0);
  CHECK(first.type == MetricType::kCounter);
  CHECK(first.cumulative);
  CHECK(seen.samples[2].labels[0].value == "C:\\DIR\\FILE.TXT");
  CHECK(seen.samples[2].labels[1].value == "Cannot find file:\n\"FILE.TXT\"");
  CHECK(seen.samples[2].type == MetricType::kUnknown);
  CHECK(seen.series[3] == "metric_without_timestamp_and_labels");
  CHECK(std::isinf(seen.samples[4].value));
  CHECK(seen.samples[5].name == "http_request_duration_seconds_bucket");
  CHECK(seen.samples[5].type == MetricType::kHistogram);
  CHECK(seen.samples[5].cumulative);
  CHECK(seen.samples[9].type == MetricType::kSummary);
  CHECK(!seen.samples[9].cumulative);
  CHECK(std::isnan(seen.samples[10].value));
  CHECK(seen.samples[12].cumulative);
}

TEST_CASE("OpenMetrics is read with units, exemplars and its end") {
  Seen seen = read(
      "# TYPE foo_seconds counter\n# UNIT foo_seconds seconds\n# HELP foo_seconds Time.\n"
      "foo_seconds_total{a=\"b\"} 17.0 1520879607.789 # {trace_id=\"oHg5SJYRHA0\"} 9.8 1520879607.789\n"
      "foo_seconds_created{a=\"b\"} 1520872607.123\n"
      "# TYPE hist histogram\nhist_bucket{le=\"0.01\"} 0\nhist_bucket{le=\"+Inf\"} 17 # {} 0.67\n"
      "# TYPE build info\nbuild_info{version=\"8\"} 1\n# TYPE s stateset\ns{s=\"a\"} 1\n# EOF\n");
  REQUIRE(seen.outline.has_value());
  CHECK(seen.outline->open_metrics);
  CHECK(seen.samples[0].cumulative);
  CHECK(seen.samples[0].help == "Time.");
  CHECK(seen.samples[0].timestamp_ms == Approx(1520879607789.0));
  CHECK(seen.samples[0].labels.size() == 1);  // not those of the exemplar
  CHECK(seen.series[0] == "foo_seconds_total{a=\"b\"}");
  CHECK(!seen.samples[1].cumulative);
  CHECK(seen.samples[3].value == 17);
  CHECK(seen.samples[4].type == MetricType::kInfo);
  CHECK(seen.samples[5].type == MetricType::kStateSet);
}

TEST_CASE("names in UTF-8 stand in quotes") {
  Seen seen = read("# TYPE \"my.métric\" counter\n{\"my.métric\",\"l.1\"=\"v\", b=\"\"} 3\n\"no\n");
  CHECK(!seen.outline.has_value());
  REQUIRE(seen.samples.size() == 1);  // what came before the bad line was given
  CHECK(seen.samples[0].name == "my.métric");
  CHECK(seen.samples[0].type == MetricType::kCounter);
  REQUIRE(seen.samples[0].labels.size() == 2);
  CHECK(seen.samples[0].labels[0].name == "l.1");
}

TEST_CASE("a bad line is told with its number and what was expected") {
  CHECK(problem("a 1\nb\n") == "/metrics:2: expected a number after the name");
  CHECK(problem("a 1 x\n") == "/metrics:1: expected a timestamp after the value");
  CHECK(problem("a 1 2 3\n") == "/metrics:1: expected the end of the line or an exemplar after '#'");
  CHECK(problem("a{b=\"c} 1\n") == "/metrics:1: expected a value in quotes after '='");
  CHECK(problem("a{b=\"c\"d} 1\n") == "/metrics:1: expected ',' or '}' after a label");
  CHECK(problem("a{b} 1\n") == "/metrics:1: expected '=' after the name of a label");
  CHECK(problem("{} 1\n") == "/metrics:1: expected the name of a metric");
  CHECK(problem("a 1\n# EOF\na 2\n") == "/metrics:3: expected nothing after '# EOF'");
  CHECK(problem("# TYPE a speed\n") == "/metrics:1: expected counter, gauge, histogram, summary or another type");
  CHECK(problem("<html>") == "/metrics:1: expected the name of a metric");
  CHECK(problem("a 1_000\n") == "/metrics:1: expected a number after the name");
  CHECK(problem("a 0x10\n") == "/metrics:1: expected a number after the name");
  CHECK(problem("a nanny\n") == "/metrics:1: expected a number after the name");
  std::string many = "a{";
  for (int i = 0; i < 300; ++i) many += "l=\"\",";
  CHECK(problem(many + "} 1") == "/metrics:1: expected fewer labels");
}

TEST_CASE("odd but valid lines are read") {
  CHECK(problem("") == "none");
  CHECK(problem("a 1\r\nb 2\r\n") == "none");
  CHECK(problem("#\n# \n#HELP\n# HELP\n# whatever TYPE\n") == "none");
  Seen seen = read(" a { } -1e400\nb{c=\"d\",} 1e-400\nc{x=\"\\q\"}1 \nd NAN");
  REQUIRE(seen.outline.has_value());
  CHECK(seen.samples[0].value == -std::numeric_limits<double>::infinity());
  CHECK(seen.samples[1].value == 0);
  CHECK(seen.samples[2].labels[0].value == "\\q");
  CHECK(std::isnan(seen.samples[3].value));
}

TEST_CASE("a page of metrics is told from others by its first line") {
  CHECK(looks_like_metrics("# HELP a b\n"));
  CHECK(looks_like_metrics("\n#TYPE a counter"));
  CHECK(looks_like_metrics("up 1\n"));
  CHECK(looks_like_metrics("{\"my.metric\"} 1\n"));
  CHECK(!looks_like_metrics(""));
  CHECK(!looks_like_metrics("<html>"));
  CHECK(!looks_like_metrics("{\"status\":\"UP\"}"));
  CHECK(!looks_like_metrics("OK\n"));
  CHECK(!looks_like_metrics("# A title\n"));
}
