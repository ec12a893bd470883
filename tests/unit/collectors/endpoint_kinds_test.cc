// Kinds of endpoints are told from what programs answer: tests/fixtures/endpoints, and answers of real ones in words.
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "collector/archive/redaction.h"
#include "collector/collectors/endpoint_gops.h"
#include "collector/collectors/endpoint_metrics.h"
#include "collector/collectors/endpoint_recognise.h"
#include "collector/collectors/endpoint_singles.h"

using namespace ec;

namespace {

std::string fixture(const std::string& name) {
  std::ifstream file(std::string(EC_FIXTURES) + "/endpoints/" + name, std::ios::binary);
  REQUIRE(file.good());
  return std::string(std::istreambuf_iterator<char>(file), {});
}

HttpAnswer answer(int status, std::string body, std::string type = "text/plain") {
  HttpAnswer made;
  made.status = status;
  made.body = std::move(body);
  made.content_type = std::move(type);
  return made;
}

}  // namespace

TEST_CASE("the first answer tells which kinds are worth another question") {
  struct Row {
    const char* what;
    HttpAnswer first;
    std::string worth;  // names of kinds, in the order of the table
  };
  HttpAnswer go = answer(404, "Unknown profile\n");
  go.from_go_pprof = true;
  const std::vector<Row> kRows{
      {"Go without pprof", answer(404, "404 page not found\n"), "expvar prometheus"},
      {"Go with another mux", go, "expvar prometheus"},
      {"Envoy", answer(404, fixture("envoy/unknown.txt")), "envoy"},
      {"brpc", answer(404, fixture("brpc/unknown.txt")), "brpc"},
      {"Spring", answer(404, fixture("actuator/unknown.json"), "application/json"), "actuator prometheus gperftools"},
      {"Spring Security", answer(401, ""), "actuator prometheus gperftools"},
      {"Node's inspector", answer(400, "WebSockets request was expected\r\n"), "node-inspector"},
      {"C++", answer(404, "no such page\n"), "prometheus gperftools"},
      {"answers everything", answer(200, "hello"), "prometheus"},
      {"sick", answer(503, "upstream connect error"), ""},
      {"https", answer(400, "Client sent an HTTP request to an HTTPS server.\n"), ""},
  };
  for (const Row& row : kRows) {
    INFO(row.what);
    std::string worth;
    for (const EndpointKind& kind : endpoint_kinds())
      if (kind.worth_asking && kind.worth_asking(row.first))
        worth += (worth.empty() ? "" : " ") + std::string(kind.name);
    CHECK(worth == row.worth);
  }
}

TEST_CASE("kinds are recognised by their own page and by no other") {
  const std::vector<std::pair<std::string, HttpAnswer>> kPages{
      {"brpc", answer(200, "OK")},
      {"envoy", answer(200, fixture("envoy/ready.txt"))},
      {"envoy", answer(503, "DRAINING\n")},
      {"actuator", answer(200, fixture("actuator/links.json"), "application/json")},
      {"prometheus", answer(200, fixture("prometheus/metrics.txt"))},
      {"prometheus", answer(200, fixture("envoy/stats.txt"))},
      {"gperftools", answer(200, "/usr/bin/server\n--port\n80\n")},
      {"node-inspector",
       answer(200, "{\n  \"Browser\": \"node.js/v18.19.0\",\n  \"Protocol-Version\": \"1.1\"\n}", "application/json")}};
  for (const auto& [name, page] : kPages) {
    INFO(name << ": " << page.body.substr(0, 60));
    CHECK(endpoint_kind(name)->recognise(page));
  }
  for (const HttpAnswer& page :
       {answer(200, "<html>please log in</html>", "text/html"), answer(200, "{\"status\":\"UP\"}", "application/json"),
        answer(404, "not found"), answer(200, "")})
    for (const EndpointKind& kind : endpoint_kinds()) {
      INFO(kind.name << ": " << page.body);
      if (kind.name != "brpc") CHECK(!kind.recognise(page));  // which its first answer tells
    }
  CHECK(!is_gperftools_command_line(answer(200, std::string("\x7f"
                                                            "ELF\x02",
                                                            5))));
  CHECK(!is_metrics(answer(200, "hello world\n")));
}

TEST_CASE("links of an actuator are names, not places to go") {
  std::string names;
  for (const auto& link : parse_actuator_links(fixture("actuator/links.json"))) names += link.path + " ";
  CHECK(
      names ==
      "beans caches conditions configprops env health heapdump info loggers metrics prometheus scheduledtasks shutdown "
      "threaddump ");
  CHECK(parse_actuator_links(R"({"_links":{"../x":{},"a/b":{},"http://evil/":{},"":{},"ok":{},"no":1}})").size() == 1);
  CHECK(parse_actuator_links("{\"_links\":[]}").empty());
  CHECK(parse_actuator_links("nonsense").empty());
}

TEST_CASE("of the metrics of an actuator only those are asked that it lists") {
  CHECK(metrics_worth_asking(fixture("actuator/metrics.json")) ==
        std::vector<std::string>{"jvm.memory.used?tag=area:heap", "jvm.memory.used?tag=area:nonheap",
                                 "jvm.threads.live", "http.server.requests",
                                 "http.server.requests?tag=outcome:SERVER_ERROR", "hikaricp.connections.active"});
  CHECK(metrics_worth_asking("{\"names\":[\"../env\",\"jvm.info\",7]}").empty());
  CHECK(metrics_worth_asking("nonsense").empty());
}

TEST_CASE("single values of metrics, in words") {
  SingleValues values({"jvm.memory.used?tag=area:heap", "http.server.requests", "x", "jvm.threads.live", "y"});
  for (const char* file : {"actuator/memory-heap.json", "actuator/requests.json", "", "actuator/threads.json"}) {
    const std::string* path = values.next();
    REQUIRE(path);
    values.take(*path, *file ? answer(200, fixture(file)) : answer(404, "{}"));
  }
  values.take(*values.next(), answer(503, "overloaded"));
  HttpAnswer together = values.together();
  REQUIRE(together.broken.has_value());
  CHECK(together.broken->message() == "3 of 5 values: y answered 503");
  CHECK(words_of_single_values(together.body) ==
        std::map<std::string, std::string>{{"jvm.memory.used (area:heap)", "512 MiB"},
                                           {"http.server.requests", "1834 times, 24.6 ms each, 2.41 s at most lately"},
                                           {"jvm.threads.live", "43"}});
  CHECK(words_of_single_values("[1]").empty());
  CHECK(words_of_single_values("{\"a\":1,\"b\":{\"measurements\":[{\"value\":1e999},3]}}").empty());
}

TEST_CASE("two readings of metrics become rates, and figures of the process and of Go") {
  auto reading = read_metrics("m", fixture("prometheus/metrics.txt"), fixture("prometheus/metrics-again.txt"), 2);
  REQUIRE(reading.has_value());
  CHECK(reading->metrics.series > 300);
  CHECK(reading->metrics.interval_seconds == 2);
  CHECK(reading->metrics.process.resident_bytes > 1e6);
  CHECK(reading->metrics.process.open_files > 5);
  CHECK(reading->metrics.process.open_files_limit >= reading->metrics.process.open_files);
  REQUIRE(reading->go.has_value());
  CHECK(reading->go->goroutines > 10);
  CHECK(reading->go->sys_bytes > reading->go->heap_alloc_bytes);
  REQUIRE(!reading->metrics.fastest.empty());
  for (const MetricRate& rate : reading->metrics.fastest) {
    INFO(rate.series);
    CHECK(rate.per_second > 0);
    CHECK(rate.series.find("bytes") == std::string::npos);
    CHECK(!rate.series.starts_with("go_memstats_"));
  }
}

TEST_CASE("errors that are counted stand apart, and a counter that was reset has no rate") {
  auto reading = read_metrics("m",
                              "# TYPE http_requests_total counter\n"
                              "http_requests_total{code=\"200\"} 100\nhttp_requests_total{code=\"500\"} 10\n"
                              "# TYPE io_bytes_total counter\nio_bytes_total 1\n# TYPE db_errors_total counter\n"
                              "db_errors_total 1\nreset_total 50\n# TYPE g gauge\ng 1\n",
                              "# TYPE http_requests_total counter\n"
                              "http_requests_total{code=\"200\"} 300\nhttp_requests_total{code=\"500\"} 14\n"
                              "# TYPE io_bytes_total counter\nio_bytes_total 100000\n# TYPE db_errors_total counter\n"
                              "db_errors_total 2\nreset_total 5\nnew_total 5\n# TYPE g gauge\ng 7\n",
                              4);
  REQUIRE(reading.has_value());
  const EndpointMetrics& metrics = reading->metrics;
  REQUIRE(metrics.fastest.size() == 1);
  CHECK(metrics.fastest[0].series == "http_requests_total{code=\"200\"}");
  CHECK(metrics.fastest[0].per_second == 50);
  REQUIRE(metrics.troubles.size() == 2);
  CHECK(metrics.troubles[0].series == "http_requests_total{code=\"500\"}");
  CHECK(metrics.troubles[0].per_second == 1);
  CHECK(metrics.troubles[1].series == "db_errors_total");
  CHECK(!reading->go);

  auto once = read_metrics("m", "a_total 1\nb", "", 4);  // ends badly: as far as it was read
  REQUIRE(once.has_value());
  CHECK(once->metrics.series == 1);
  CHECK(once->metrics.interval_seconds == 0);
  CHECK(read_metrics("m", "<html>", "", 0).error().code == ErrorCode::kMalformed);
  CHECK(read_metrics("m", "# nothing\n", "", 0).error().message() == "m: expected at least one sample");
}

TEST_CASE("the figures of a gops agent are read in both forms") {
  GoRuntime go;
  add_gops_figures(fixture("gops/command-07"), go);
  add_gops_figures(fixture("gops/command-03"), go);
  CHECK(go.goroutines == 12);
  CHECK(go.heap_alloc_bytes == 1237352);
  CHECK(go.heap_inuse_bytes == 2334720);
  CHECK(go.heap_objects == 3391);
  CHECK(go.next_gc_bytes == 4194304);
  CHECK(go.sys_bytes == 8607760);
  CHECK(go.gc_count == 1);
  CHECK(go.last_pause_ms == Approx(0.044583));
  GoRuntime old;
  add_gops_figures("heap-alloc: 1237352 bytes\nnext-gc: when heap-alloc >= 4194304 bytes\nsys\n: \nnum-gc: x\n", old);
  CHECK(old.heap_alloc_bytes == 1237352);
  CHECK(old.next_gc_bytes == 4194304);
  CHECK(old.gc_count == 0);
}

TEST_CASE("secrets in the bodies of endpoints are redacted") {
  Redactor redactor(true);
  const std::vector<std::pair<std::string, BodyType>> kBodies{
      {"envoy/config_dump.json", BodyType::kJson}, {"envoy/server_info.json", BodyType::kJson},
      {"actuator/info.json", BodyType::kJson},     {"actuator/prometheus.txt", BodyType::kMetrics},
      {"brpc/vars.txt", BodyType::kText},
  };
  for (const auto& [name, type] : kBodies) {
    std::string text = fixture(name);
    REQUIRE(text.find("canary") != std::string::npos);
    std::string left = redactor.redact(redaction_of(type), "profiles/x/" + name, text).bytes;
    INFO(name << "\n" << left);
    CHECK(left.find("canary") == std::string::npos);
    CHECK(check_body(type, name, left).has_value());  // still what it was
  }
  std::string labels = redactor
                           .redact(redaction_of(BodyType::kMetrics), "metrics.txt",
                                   "a{password=\"canary1\",token=\"canary2\",dsn=\"redis://:canary3@h/0\"} 1\n"
                                   "{\"m.n\",\"api.key\"=\"canary4-0123456789abcdef\"} 1\n")
                           .bytes;
  INFO(labels);
  CHECK(labels.find("canary") == std::string::npos);
  CHECK(check_body(BodyType::kMetrics, "m", labels).has_value());
}
