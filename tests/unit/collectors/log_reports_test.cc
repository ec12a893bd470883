#include "collector/collectors/log_reports.h"

#include <catch2/catch.hpp>

#include "tests/support/profile_text.h"

using namespace ec;
using namespace ec::test;

namespace {

Logs reports_of(std::initializer_list<const char*> fixtures, bool current = true) {
  LogReports reports;
  int number = 0;
  for (const char* name : fixtures) reports.add(fmt::format("logs/{}.log", ++number), fixture(name), current);
  Logs logs;
  reports.finish(logs);
  return logs;
}

}  // namespace

TEST_CASE("panics of one reason at one place are one, deaths first") {
  Logs logs = reports_of({"go-dumps/served.txt", "go-dumps/fatal.txt", "go-dumps/dump.txt"});
  REQUIRE(logs.go_panics.size() == 3);  // goroutine?debug=2 has no reason
  const LogGoPanic& death = logs.go_panics[0];
  CHECK(death.reason == "fatal error: concurrent map writes");
  CHECK(death.place == "main.main.func1 (last_words/main.go:170)");
  CHECK_FALSE(death.survived);
  CHECK(death.current);
  CHECK(death.goroutines == 19);
  CHECK(death.artifact == "logs/2.log");
  CHECK(death.line == 1);
  REQUIRE(death.groups.size() == 3);
  CHECK(death.groups[0] ==
        "5 × chan receive, in main.waitForReply (last_words/main.go:31), created by main.startPool "
        "(last_words/main.go:64)");
  const LogGoPanic& served = logs.go_panics[1];
  CHECK(served.reason ==
        "http: panic serving a request: runtime error: invalid memory address or nil pointer dereference");
  CHECK(served.place == "main.priceOf (api/main.go:15)");
  CHECK(served.count == 2);
  CHECK(served.survived);
  CHECK(served.line == 21);  // the last one
  CHECK(served.stack[0] == "net/http.(*conn).serve.func1 (http/server.go:1850)");
  CHECK(logs.races.empty());
}

TEST_CASE("races of several logs are counted together, with who started what") {
  Logs logs = reports_of({"races/tsan_gcc.txt", "races/tsan_gcc.txt", "races/go.txt"}, false);
  REQUIRE(logs.races.size() == 4);
  CHECK(logs.races[0].count == 2);
  CHECK(logs.races[1].count == 2);
  const LogRace& heap = logs.races[logs.races[0].location.starts_with("heap") ? 0 : 1];
  CHECK(heap.access == "read of size 8 in audit(Account*) (app/races.cc:18) by main thread");
  CHECK(heap.previous == "write of size 8 in pay(Account*) (app/races.cc:16) by thread T1");
  REQUIRE(heap.origins.size() == 2);
  CHECK(heap.origins[0] == "heap block of size 16: allocated in open_account() (app/races.cc:19) by main thread");
  CHECK(heap.artifact == "logs/1.log");
  CHECK_FALSE(heap.current);
  CHECK(logs.races[2].go);
}
