#include "collector/collectors/endpoint.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "collector/collectors/endpoint_kinds.h"
#include "collector/collectors/endpoint_probe.h"
#include "collector/collectors/endpoint_recognise.h"
#include "collector/collectors/endpoint_record.h"
#include "collector/collectors/expvar.h"

using namespace ec;

namespace {

std::string fixture(const std::string& name) {
  std::ifstream file(std::string(EC_FIXTURES) + "/go-pprof/" + name, std::ios::binary);
  REQUIRE(file.good());
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void put(RawStore& store, const std::string& path, std::string bytes, const std::string& source = "",
         Status status = Status::kOk, const std::string& reason = "") {
  ArtifactRow row;
  row.path = path;
  row.source = source;
  row.status = status;
  row.reason = reason;
  row.bytes = bytes.size();
  store.add(std::move(row), std::move(bytes));
}

Snapshot parsed(const RawStore& store) {
  Snapshot snapshot;
  parse_endpoints(store, snapshot);
  return snapshot;
}

const std::string kFolder = "profiles/127.0.0.1_6060";

EndpointRecord pprof_record() {
  EndpointRecord record;
  record.url = "http://127.0.0.1:6060";
  record.kinds = {"go-pprof", "expvar"};
  record.folder = kFolder;
  record.http_status = 200;
  record.probe_ms = 1.5;
  record.artifacts = {{"heap", kFolder + "/heap.pb.gz", "http://127.0.0.1:6060/debug/pprof/heap", "ok", "", 1650, 2.5}};
  return record;
}

}  // namespace

TEST_CASE("no body is stored without redaction") {
  using enum BodyType;
  for (BodyType type : {kPprof, kAnyPprof, kLegacyProfile, kGoroutineText, kHeapText, kMetrics, kJson, kText,
                        kCommandLine, kHtml, kTrace})
    CHECK(redaction_of(type) != Redact::kNothing);
  CHECK(redaction_of(kPprof) == Redact::kPprof);
}

TEST_CASE("an index page lists its profiles with their counts") {
  auto profiles = parse_pprof_index(fixture("index.html"));
  std::vector<std::string> names;
  uint64_t goroutines = 0;
  for (const auto& profile : profiles) {
    names.push_back(profile.name);
    if (profile.name == "goroutine") goroutines = profile.count;
  }
  CHECK(names == std::vector<std::string>{"allocs", "block", "cmdline", "goroutine", "heap", "mutex", "open_sessions",
                                          "profile", "threadcreate", "trace"});
  CHECK(goroutines == 49);
}

TEST_CASE("the index pages of older Go are read too") {
  auto profiles = parse_pprof_index(
      "<tr><td align=right>7<td><a href=\"goroutine?debug=1\">goroutine</a>\n"
      "<tr><td align=right>0<td><a href=\"example.org/pool?debug=1\">pool</a>\n");
  REQUIRE(profiles.size() == 2);
  CHECK(profiles[0].count == 7);
  CHECK(profiles[1].path == "example.org/pool");
}

TEST_CASE("an index page cannot make us ask for something else") {
  for (const char* href : {"../../quitquitquit?debug=1", "/shutdown?debug=1", "http://evil/?debug=1",
                           "heap?gc=1&debug=1", "goroutine?debug=2", "a%2f..%2fb?debug=1", "a b?debug=1",
                           "x/../y?debug=1", "a//b?debug=1", "?debug=1", "a\r\nHost: evil?debug=1"}) {
    INFO(href);
    CHECK(parse_pprof_index(std::string("<a href='") + href + "'>x</a>").empty());
  }
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "<a href='p" + std::to_string(i) + "?debug=1'>x</a>";
  CHECK(parse_pprof_index(many).size() == 64);
}

TEST_CASE("every kind has a recogniser and safe requests") {
  REQUIRE(!endpoint_kinds().empty());
  for (const EndpointKind& kind : endpoint_kinds()) {
    if (kind.transport == Transport::kHttp) CHECK(kind.probe.starts_with('/'));
    CHECK(kind.recognise != nullptr);
    for (const EndpointRequest& request : kind.requests) {
      INFO(request.path);
      CHECK(request.path.find("gc=1") == std::string_view::npos);  // collects garbage
      if (request.path.find("debug=2") != std::string_view::npos) CHECK(request.when == When::kFewGoroutines);
      // What is dear or dangerous is asked for by name.
      if (request.cost > Tier::kT2 || request.path.starts_with("trace")) CHECK(!request.pull.empty());
      for (const NeverTouched& never : kind.never)
        if (request.when != When::kPulled && request.when != When::kTimed && !never.why.starts_with("asked"))
          CHECK(request.path.substr(0, request.path.find('?')) != never.name);
    }
  }
  CHECK(endpoint_kind("expvar") != nullptr);
  CHECK(endpoint_kind("nonsense") == nullptr);
}

TEST_CASE("kinds are told from answers") {
  HttpAnswer index, vars, login, go_404;
  index.status = vars.status = login.status = 200;
  index.body = fixture("index.html");
  vars.body = fixture("vars.json");
  login.body = "<html>please log in to see goroutine</html>";
  go_404.status = 404;
  go_404.body = "404 page not found\n";
  const EndpointKind &pprof = *endpoint_kind("go-pprof"), &expvar = *endpoint_kind("expvar");
  CHECK(pprof.recognise(index));
  CHECK(!pprof.recognise(vars));
  CHECK(!pprof.recognise(login));
  CHECK(expvar.recognise(vars));
  CHECK(!expvar.recognise(index));
  CHECK(expvar.worth_asking(index));
  CHECK(expvar.worth_asking(go_404));
  CHECK(!expvar.worth_asking(login));
}

TEST_CASE("bodies are checked against what was expected") {
  CHECK(check_body(BodyType::kPprof, "w", fixture("heap.pb.gz")).has_value());
  CHECK(check_body(BodyType::kGoroutineText, "w", fixture("goroutine.txt")).has_value());
  CHECK(check_body(BodyType::kHeapText, "w", fixture("heap.txt")).has_value());
  CHECK(check_body(BodyType::kJson, "w", fixture("vars.json")).has_value());
  std::string text = fixture("goroutine.txt");
  CHECK(!check_body(BodyType::kGoroutineText, "w", text.substr(0, text.size() / 2)).has_value());
  CHECK(check_body(BodyType::kJson, "w", "{\"a\":").error().message() == "w: expected a JSON text");
  CHECK(check_first_bytes(BodyType::kPprof, "w", "<html>")->detail == "expected a gzipped profile, got '<html>'");
  CHECK(!check_first_bytes(BodyType::kPprof, "w", "\x1f\x8b"));
}

TEST_CASE("an error is quoted in the server's words") {
  HttpAnswer answer;
  answer.status = 500;
  answer.reason = "Internal Server Error";
  CHECK(status_words(answer) == "500 Internal Server Error");
  answer.body = "<html>oops</html>";
  CHECK(status_words(answer) == "500 Internal Server Error");
  answer.body = "Could not enable CPU profiling: cpu profiling already in use\nmore\n";
  answer.content_type = "text/plain; charset=utf-8";
  CHECK(status_words(answer) == "500 Could not enable CPU profiling: cpu profiling already in use");
  answer.body = "\x1b[31mred";
  CHECK(status_words(answer).find('\x1b') == std::string::npos);
}

TEST_CASE("expvar gives the runtime's figures and flat variables") {
  auto expvar = parse_expvar("vars.json", fixture("vars.json"));
  REQUIRE(expvar.has_value());
  REQUIRE(expvar->memstats);
  CHECK(expvar->memstats->heap_alloc > 0);
  CHECK(expvar->memstats->gc_count > 0);
  CHECK(expvar->memstats->last_pause_ns() > 0);
  CHECK(expvar->memstats->pause_total_ns >= expvar->memstats->last_pause_ns());
  CHECK(expvar->variables.at("requests_total") == "1234");
  CHECK(expvar->variables.at("queues.mail") == "17");
  CHECK(!expvar->variables.count("cmdline"));
}

TEST_CASE("hostile expvar stays small") {
  CHECK(parse_expvar("v", "[1]").error().message() == "v: expected a JSON object");
  CHECK(parse_expvar("v", "{\"memstats\":{\"HeapAlloc\":-1,\"NumGC\":\"x\",\"PauseNs\":[{}]}}")->memstats->heap_alloc ==
        0);
  CHECK(parse_expvar("v", "{\"memstats\":7}")->memstats.has_value() == false);
  std::string deep = "1";
  for (int i = 0; i < 10'000; ++i) deep = "{\"a\":" + deep + "}";
  CHECK(parse_expvar("v", deep)->variables.size() == 1);
  std::string wide = "{";
  for (int i = 0; i < 5000; ++i) wide += "\"k" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  wide += "\"last\":\"" + std::string(100'000, 'x') + "\"}";
  auto expvar = parse_expvar("v", wide);
  CHECK(expvar->variables.size() == 2000);
}

TEST_CASE("a record survives its JSON form") {
  EndpointRecords records;
  EndpointRecord record = pprof_record();
  record.server = "nginx";
  record.error = "e";
  record.fix = "f";
  record.note = "n";
  record.stopped = "s";
  record.health_before_ms = 1;
  record.health_after_ms = 2;
  record.go.emplace();
  record.go->goroutines = 49;
  record.go->gc_cpu_fraction = 0.25;
  records.endpoints.push_back(record);
  records.error = "denied";
  auto back = parse_endpoint_records("r", to_json(records));
  REQUIRE(back.has_value());
  REQUIRE(back->endpoints.size() == 1);
  const EndpointRecord& one = back->endpoints[0];
  CHECK(one.url == record.url);
  CHECK(one.kinds == record.kinds);
  CHECK(one.stopped == "s");
  CHECK(one.health_after_ms == 2);
  CHECK(one.go->goroutines == 49);
  CHECK(one.go->gc_cpu_fraction == 0.25);
  REQUIRE(one.artifacts.size() == 1);
  CHECK(one.artifacts[0].bytes == 1650);
  CHECK(back->error == "denied");
  CHECK(parse_endpoint_records("r", "{}").error().message() == "r: expected an array 'endpoints'");
  CHECK(parse_endpoint_records("r", "nonsense").error().message() == "r: expected a JSON object");
}

TEST_CASE("the snapshot is computed from the stored bytes alone") {
  RawStore store;
  EndpointRecords records;
  records.endpoints.push_back(pprof_record());
  put(store, "raw/endpoint.json", to_json(records));
  put(store, kFolder + "/heap.pb.gz", fixture("heap.pb.gz"));
  put(store, kFolder + "/goroutine.pb.gz", fixture("goroutine.pb.gz"));
  put(store, kFolder + "/vars.json", fixture("vars.json"));
  Snapshot snapshot = parsed(store);
  REQUIRE(snapshot.endpoints.has_value());
  const Endpoint& endpoint = snapshot.endpoints->at(0);
  CHECK(endpoint.kind == "go-pprof");
  CHECK(endpoint.go->goroutines == 49);
  CHECK(endpoint.go->heap_alloc_bytes > 0);
  CHECK(endpoint.goroutine_groups[0].count == 40);
  CHECK(endpoint.goroutine_groups[0].state == "chan receive");
  CHECK(endpoint.variables.at("queues.mail") == "17");
  CHECK(endpoint.profiles.at(0).status == "ok");
}

TEST_CASE("without expvar the heap text gives the figures, and the goroutine text the groups") {
  RawStore store;
  EndpointRecords records;
  records.endpoints.push_back(pprof_record());
  put(store, "raw/endpoint.json", to_json(records));
  put(store, kFolder + "/heap.txt", fixture("heap.txt"));
  put(store, kFolder + "/goroutine.pb.gz", fixture("goroutine.pb.gz").substr(0, 300), "", Status::kPartial);
  put(store, kFolder + "/goroutine.txt", fixture("goroutine.txt"));
  Snapshot snapshot = parsed(store);
  const Endpoint& endpoint = snapshot.endpoints->at(0);
  CHECK(endpoint.go->gc_count > 0);
  CHECK(endpoint.go->goroutines == 49);
  CHECK(endpoint.goroutine_groups[0].functions == std::vector<std::string>{"main.waitForReply"});
}

TEST_CASE("a profile that the archive could not keep is told so, whatever the server answered") {
  RawStore store;
  EndpointRecords records;
  records.endpoints.push_back(pprof_record());
  put(store, "raw/endpoint.json", to_json(records));
  put(store, kFolder + "/heap.pb.gz", "", "", Status::kFailed, "/dev/sda1: no space left");
  CHECK(parsed(store).endpoints->at(0).profiles.at(0).reason == "/dev/sda1: no space left");
}

TEST_CASE("when the collector was killed its artifacts and the light row speak") {
  RawStore store;
  EndpointRecords records;
  records.endpoints.push_back(pprof_record());
  records.endpoints[0].artifacts.clear();
  records.endpoints[0].folder.clear();
  put(store, "raw/runtime.json", to_json(records));
  put(store, kFolder + "/goroutine.pb.gz", fixture("goroutine.pb.gz"),
      "GET http://127.0.0.1:6060/debug/pprof/goroutine");
  put(store, kFolder + "/heap.pb.gz", "", "GET http://127.0.0.1:6060/debug/pprof/heap", Status::kTimeout, "cut");
  put(store, "profiles/unix_run_a.sock/vars.json", fixture("vars.json"), "GET unix:/run/a.sock:/debug/vars");
  Snapshot snapshot = parsed(store);
  REQUIRE(snapshot.endpoints->size() == 2);
  CHECK(snapshot.endpoints->at(0).url == "http://127.0.0.1:6060");
  CHECK(snapshot.endpoints->at(0).profiles.size() == 2);
  CHECK(snapshot.endpoints->at(0).profiles.at(1).status == "timeout");
  CHECK(snapshot.endpoints->at(0).go->goroutines == 49);
  CHECK(snapshot.endpoints->at(1).kind == "expvar");
  CHECK(snapshot.endpoints->at(1).variables.at("requests_total") == "1234");
}

TEST_CASE("a listener that accepted nothing is not said to be busy with the connection that asked it") {
  auto told = [](const std::string& first, const std::string& then) {
    EndpointRecords records;
    records.endpoints.resize(1);
    records.endpoints[0].url = "http://127.0.0.1:6060";
    records.endpoints[0].kinds = {"none"};
    RawStore store;
    records.endpoints[0].error = first;
    put(store, "raw/runtime.json", to_json(records));
    records.endpoints[0].error = then;
    put(store, "raw/endpoint.json", to_json(records));
    return parsed(store).endpoints->at(0).error;
  };
  const std::string silent = "127.0.0.1:6060: no answer within 450 ms",
                    busy = "not queried: a connection waits in its accept queue";
  CHECK(told(silent, busy) == silent);
  CHECK(told(busy, busy) == busy);
  CHECK(told(silent, "127.0.0.1:6060: no answer within 700 ms") == "127.0.0.1:6060: no answer within 700 ms");
}

TEST_CASE("why there is no endpoint is told") {
  RawStore store;
  CHECK(parsed(store).endpoints.why().code == ErrorCode::kNotFound);
  EndpointRecords records;
  records.error = "/proc/42/fd: Permission denied";
  put(store, "raw/endpoint.json", to_json(records));
  CHECK(parsed(store).endpoints.why().message() == "/proc/42/fd: Permission denied");
  put(store, "raw/endpoint.json", "{\"endpoints\":[");
  CHECK(parsed(store).endpoints.why().code == ErrorCode::kMalformed);
}
