#include "collector/proc/log_line.h"

#include <catch2/catch.hpp>

using namespace ec;

TEST_CASE("levels of common formats") {
  struct Case {
    std::string_view line, level;
  };
  for (const Case& expected : {
           Case{"2026-11-20 22:05:11,123 ERROR [main] c.e.Db - no route", "error"},
           Case{"2026-11-20 22:05:11 INFO last ERROR was yesterday", ""},
           Case{"2026-11-20T22:05:11Z WARN slow", "warning"},
           Case{"2026/11/20 22:05:11 [error] 42#42: *1 connect() failed", "error"},
           Case{"2026/11/20 22:05:11 [crit] 42#42: no memory", "fatal"},
           Case{"2026/11/20 22:05:11 [notice] 42#42: start", ""},
           Case{"[Fri Nov 20 22:05:11.1 2026] [core:error] [pid 4] x", "error"},
           Case{"2026-11-20 22:05:11.123 UTC [42] ERROR:  relation \"x\" does not exist", "error"},
           Case{"2026-11-20 22:05:11.123 UTC [42] FATAL:  too many connections", "fatal"},
           Case{"2026-11-20 22:05:11.123 UTC [42] LOG:  an ERROR: inside a query", ""},
           Case{"2026-11-20 22:05:11.123 UTC [42] STATEMENT:  select 'ERROR: x'", ""},
           Case{"3571:M 20 Nov 2026 22:05:11.123 # Out of memory allocating", "warning"},
           Case{"3571:M 20 Nov 2026 22:05:11.123 * Ready to accept", ""},
           Case{"E1120 22:05:11.123456    1 reflector.go:12] failed", "error"},
           Case{"I1120 22:05:11.123456    1 reflector.go:12] ERROR? no", ""},
           Case{"F1120 22:05:11.123456    1 main.go:1] bye", "fatal"},
           Case{"{\"level\":\"error\",\"msg\":\"x\"}", "error"},
           Case{"{\"time\":\"t\", \"level\": \"WARN\", \"msg\":\"ERROR\"}", "warning"},
           Case{"{\"level\":50,\"msg\":\"pino\"}", "error"},
           Case{"{\"level\":30,\"msg\":\"ERROR\"}", ""},
           Case{"{\"severity\":\"CRITICAL\",\"message\":\"x\"}", "fatal"},
           Case{"time=2026-11-20T22:05:11Z level=error msg=\"x\"", "error"},
           Case{"level=info msg=\"error\"", ""},
           Case{"panic: runtime error: index out of range", "fatal"},
           Case{"fatal error: all goroutines are asleep - deadlock!", "fatal"},
           Case{"Traceback (most recent call last):", "error"},
           Case{"ValueError: bad literal", "error"},
           Case{"java.lang.NullPointerException: x", "error"},
           Case{"\tat com.example.Main.main(Main.java:3)", ""},
           Case{"Exception in thread \"main\" java.lang.OutOfMemoryError", "error"},
           Case{"10.0.0.1 - - [20/Nov/2026:22:05:11 +0000] \"GET /x HTTP/1.1\" 502 157", "error"},
           Case{"10.0.0.1 - - [20/Nov/2026:22:05:11 +0000] \"GET /ERROR_page HTTP/1.1\" 200 157", ""},
           Case{"0 errors, 0 failures", ""},
           Case{"error: cannot open x", "error"},
           Case{"GET /error", ""},
           Case{"", ""},
       }) {
    INFO(expected.line);
    CHECK(to_string(log_level(expected.line)) == expected.level);
  }
}

TEST_CASE("time stamps of common formats are the same moment") {
  constexpr double kMoment = 1795212311;  // 2026-11-20T22:05:11Z
  for (std::string_view line :
       {"2026-11-20T22:05:11Z x", "2026-11-20 22:05:11 x", "[2026-11-20 22:05:11] x", "2026/11/20 22:05:11 [error] x",
        "10.0.0.1 - - [20/Nov/2026:22:05:11 +0000] \"GET\"", "3571:M 20 Nov 2026 22:05:11 * x",
        "{\"level\":\"x\",\"time\":\"2026-11-20T22:05:11Z\"}", "{\"ts\":1795212311.0,\"msg\":\"x\"}",
        "{\"time\":1795212311000}", "level=info ts=2026-11-20T22:05:11Z x"}) {
    INFO(line);
    REQUIRE(log_time(line));
    CHECK(*log_time(line) == Approx(kMoment).margin(0.001));
  }
  CHECK(*log_time("2026-11-20 22:05:11,250 x") == Approx(kMoment + 0.25).margin(1e-6));
  // Without a year only differences count.
  CHECK(*log_time("Nov 20 22:05:12 host x") - *log_time("E1120 22:05:11.000000 1 x.go:1] x") == Approx(1));
  CHECK(*log_time("Nov  2 00:00:00 host x") - *log_time("Nov  1 00:00:00 host x") == Approx(86400));
  for (std::string_view line :
       {"no time", "2026-13-20 22:05:11", "2026-11-20 25:05:11", "2026-11-20", "2026-11-20 22:05", "Nov 20",
        "Nov 20 22:05", "20/Nov/2026", "{\"ts\":1e300}", "{\"ts\":nan}"}) {
    INFO(line);
    CHECK_FALSE(log_time(line));
  }
}

TEST_CASE("patterns are the same for lines that differ in numbers and names") {
  CHECK(log_pattern("2026-11-20 22:05:11.123 ERROR worker-12: connect to 10.0.0.1:5432 failed") ==
        "# # ERROR worker-#: connect to # failed");
  CHECK(log_pattern("no user \"bob\" in 'db'") == "no user # in #");
  CHECK(log_pattern("can't open file") == "can't open file");
  CHECK(log_pattern("id 123e4567-e89b-12d3-a456-426614174000 and 0x7f3a00001000") == "id # and #");
  CHECK(log_pattern("commit deadbeef is a word, deadbee1 is not") == "commit deadbeef is a word, # is not");
  CHECK(log_pattern("{\"level\":\"error\",\"msg\":\"lost 5 of 7 packets\",\"id\":1}") == "lost # of # packets");
  CHECK(log_pattern("{\"msg\":\"a \\\"quoted\\\" word 1\"}") == "a \\# word #");
  CHECK(log_pattern("10.0.0.1 - - [20/Nov/2026:22:05:11 +0000] \"GET /cart/17?id=5 HTTP/1.1\" 502 157") ==
        "502 GET /cart/#");
  CHECK(log_pattern(std::string(5000, 'x')).size() <= 210);
}
