// What the first page says of debug endpoints.
#include <catch2/catch.hpp>

#include "collector/report/page_content.h"

using namespace ec;

namespace {

using Lines = std::vector<std::string>;

Endpoint at(const std::string& url, const std::string& kind) {
  Endpoint endpoint;
  endpoint.url = url;
  endpoint.kind = kind;
  return endpoint;
}

}  // namespace

TEST_CASE("what an endpoint gave is one line, what it did not give one for each reason") {
  Endpoint go = at("http://127.0.0.1:6060", "go-pprof");
  const std::string folder = "profiles/127.0.0.1_6060/";
  go.profiles = {
      {"heap", folder + "heap.pb.gz", "ok", "", 10},
      {"profile", folder + "profile.pb.gz", "ok", "1 s instead of 2 s: another profiler was running", 10},
      {"mutex", folder + "mutex.pb.gz", "failed", "404 page not found", 0},
      {"block", folder + "block.pb.gz", "failed", "404 page not found", 0},
      {"allocs", folder + "allocs.pb.gz", "partial", "127.0.0.1:6060/debug/pprof/allocs: ended within a chunk", 3},
      {"goroutine", folder + "goroutine.pb.gz", "partial", folder + "goroutine.pb.gz+0x64: expected more gzip data",
       100},
      {"trace", folder + "trace.out", "timeout", "127.0.0.1:6060: no answer within 700 ms", 0},
      {"cmdline", folder + "cmdline", "skipped", "", 0}};
  CHECK(endpoint_lines({go}) ==
        Lines{
            "http://127.0.0.1:6060: heap and profile (1 s instead of 2 s: another profiler was running)",
            "in part: allocs: ended within a chunk",
            "in part: goroutine: expected more gzip data",
            "not got: mutex and block: 404 page not found",
            "not got: trace: no answer within 700 ms",
            "not got: cmdline: skipped",
        });
}

TEST_CASE("how quick a service was that has no path for that") {
  Endpoint go = at("http://127.0.0.1:6060", "go-pprof");
  go.profiles = {{"heap", "profiles/127.0.0.1_6060/heap.pb.gz", "ok", "", 10}};
  go.health = {{"/healthz", 200, 200, 0.42, 130.7, 120, 3}};  // among the key figures
  CHECK(endpoint_lines({go}) == Lines{"http://127.0.0.1:6060: heap"});
  go.health = {{"", 0, 0, 0.4, 131.4, 0.5, 2}};
  CHECK(endpoint_lines({go})[1] == "a cheap GET took 0.4 ms before the pulls, 131 ms at worst, 0.5 ms after");
}

TEST_CASE("places that gave nothing are told together, after those that did, with what can be done") {
  Endpoint redis = at("http://127.0.0.1:6379", "none"), redis6 = at("http://[::1]:6379", "none");
  redis.error = redis6.error = "known service, not queried (Redis)";
  redis.note = redis6.note = "ask Redis itself: redis-cli -p 6379 INFO";
  Endpoint web = at("http://127.0.0.1:8080", "http"), guarded = at("http://127.0.0.1:9090", "http"),
           twin = at("http://127.0.0.1:6061", "go-pprof"), hung = at("unix:/run/app.sock", "none");
  web.http_status = 404;
  guarded.error = "401 who are you?";
  guarded.note = "--bearer-file FILE";
  twin.note = "not pulled: the same process was asked at http://127.0.0.1:6060";
  hung.error = "unix:/run/app.sock: no answer within 3000 ms";
  CHECK(
      endpoint_lines({redis, web, guarded, twin, redis6, hung}) ==
      Lines{
          "http://127.0.0.1:6379 and http://[::1]:6379: known service, not queried (Redis)  → ask Redis itself: "
          "redis-cli -p 6379 INFO",
          "http://127.0.0.1:8080: answers with status 404, but has no debug endpoint at the usual paths  → --endpoint "
          "URL/PREFIX for another one",
          "http://127.0.0.1:9090: 401 who are you?  → --bearer-file FILE",
          "http://127.0.0.1:6061: not pulled: the same process was asked at http://127.0.0.1:6060",
          "unix:/run/app.sock: no answer within 3000 ms"});
}

TEST_CASE("the chosen figures of an actuator are told, the variables of expvar are not") {
  Endpoint spring = at("http://127.0.0.1:8080", "actuator"), go = at("http://127.0.0.1:6060", "go-pprof");
  for (Endpoint* one : {&spring, &go}) {
    one->profiles = {{"info", "profiles/x/info.json", "ok", "", 10}};
    one->variables = {{"jvm.threads.live", "43"}, {"jvm.gc.pause", "8 times, 12 ms each"}};
  }
  CHECK(endpoint_lines({spring, go}) == Lines{"http://127.0.0.1:8080: info",
                                              "it counts: jvm.gc.pause 8 times, 12 ms each; jvm.threads.live 43",
                                              "http://127.0.0.1:6060: info"});
}
