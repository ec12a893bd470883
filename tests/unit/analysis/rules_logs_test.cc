#include <catch2/catch.hpp>

#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

namespace {

LogGoPanic death() {
  LogGoPanic panic;
  panic.reason = "panic: index out of range [7] with length 7";
  panic.place = "main.get (api/main.go:15)";
  panic.current = true;
  panic.count = 1;
  panic.goroutines = 40;
  panic.stack = {"main.get (api/main.go:15)", "main.main (api/main.go:30)"};
  panic.groups = {"38 × chan receive, in main.wait (api/main.go:9)"};
  panic.artifact = "logs/2-api.log";
  panic.line = 812;
  return panic;
}

const Finding* finding_of(const std::vector<Finding>& findings, std::string_view id) {
  for (const Finding& finding : findings)
    if (finding.id == id) return &finding;
  return nullptr;
}

}  // namespace

TEST_CASE("go-panic: a death is worse than what was caught, and an old log worse than nothing") {
  Snapshot s = healthy();
  s.logs = Logs{};
  CHECK(severity(s, "go-panic") == "");
  s.logs->go_panics = {death()};
  CHECK(severity(s, "go-panic") == "high");
  auto findings = analyse(s);
  const Finding* finding = finding_of(findings, "go-panic");
  REQUIRE(finding);
  CHECK(finding->title ==
        "Go died once in its logs: panic: index out of range [7] with length 7 in main.get (api/main.go:15)");
  CHECK(finding->detail.find("hold 1 death of a Go program: panic: index out of range [7] with length 7 in main.get "
                             "(api/main.go:15). That was this process before a restart") != std::string::npos);
  CHECK(finding->detail.find("40 goroutines were printed, the largest group 38 × chan receive") != std::string::npos);
  REQUIRE(finding->evidence.size() == 1);
  CHECK(finding->evidence[0].locator == "line 812");
  CHECK(finding->evidence[0].excerpt == "main.get (api/main.go:15) < main.main (api/main.go:30)");

  LogGoPanic caught = death();
  caught.survived = true;
  caught.count = 3;
  s.logs->go_panics = {caught};
  CHECK(severity(s, "go-panic") == "medium");
  s.logs->go_panics = {death(), caught};
  CHECK(severity(s, "go-panic") == "high");
  for (LogGoPanic& panic : s.logs->go_panics) panic.current = false;
  CHECK(severity(s, "go-panic") == "low");
}

TEST_CASE("go-panic: goroutines that somebody asked for are no panic") {
  Snapshot s = healthy();
  s.logs = Logs{};
  LogGoPanic asked = death();
  asked.reason = "SIGQUIT: quit";
  asked.count = 2;
  s.logs->go_panics = {asked};
  CHECK(severity(s, "go-panic") == "info");
  auto findings = analyse(s);
  const Finding* finding = finding_of(findings, "go-panic");
  REQUIRE(finding);
  CHECK(finding->title == "Go was told to print its goroutines and end (SIGQUIT), 2 times");
  CHECK(finding->evidence[0].locator == "line 812");

  s.logs->go_panics = {asked, death()};
  CHECK(severity(s, "go-panic") == "high");
  findings = analyse(s);
  CHECK(finding_of(findings, "go-panic")->title.starts_with("Go died once in its logs: panic: index"));
}

TEST_CASE("data-race: both sides in words") {
  Snapshot s = healthy();
  s.logs = Logs{};
  CHECK(severity(s, "data-race") == "");
  LogRace race;
  race.go = true;
  race.access = "write in main.addOne (main.go:72) by main goroutine";
  race.previous = "read in main.addTwo (main.go:77) by goroutine 7";
  race.origins = {"goroutine 7 (running): created in main.race (main.go:86)"};
  race.current = true;
  race.count = 9;
  race.artifact = "logs/2-api.log";
  race.line = 4;
  s.logs->races = {race};
  CHECK(severity(s, "data-race") == "medium");
  auto findings = analyse(s);
  const Finding* finding = finding_of(findings, "data-race");
  REQUIRE(finding);
  CHECK(finding->title == "1 data race in its logs: write in main.addOne (main.go:72) by main goroutine");
  CHECK(finding->detail.starts_with(
      "Go's race detector reported 1 data race 9 times: write in main.addOne (main.go:72) by "
      "main goroutine, against read in main.addTwo (main.go:77) by goroutine 7."));
  CHECK(finding->evidence[0].excerpt.ends_with("/ goroutine 7 (running): created in main.race (main.go:86)"));
  s.logs->races[0].current = false;
  CHECK(severity(s, "data-race") == "low");
}
