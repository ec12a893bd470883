#include "collector/analysis/goroutine_groups.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/unit/analysis/healthy_snapshot.h"

using namespace ec;
using namespace ec::test;

namespace {

// `count` goroutines that send on a channel in main.publish, one that waits for the network, one of the runtime.
RuntimeGoroutines publishing(uint64_t count) {
  RuntimeGoroutines all;
  all.version = "1.19.8";
  all.frames = {{1, "runtime.gopark", "", 0, false},
                {2, "main.publish", "", 0, false},
                {3, "runtime.netpollblock", "", 0, false}};
  all.stacks = {{{0, 1}, true}, {{0, 2}, true}};
  for (uint64_t i = 0; i < count + 2; ++i) {
    Goroutine one;
    one.id = i + 1;
    one.state = i < count ? "chan send" : "IO wait";
    one.stack = i < count ? 0 : 1;
    one.system = i == count + 1;
    if (i == 7) one.waiting_seconds = 120;
    all.goroutines.push_back(std::move(one));
  }
  return all;
}

}  // namespace

TEST_CASE("goroutines at the same stack in the same state are one group, those of the runtime apart") {
  RuntimeGoroutines all = publishing(10);
  auto groups = group_goroutines(all);
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].members.size() == 10);
  CHECK(groups[0].state == "chan send");
  CHECK(groups[0].longest_seconds == 120);
  CHECK(groups[1].state == "IO wait");
  CHECK(group_goroutines(all, true).size() == 1);
  CHECK(own_goroutines(all) == 11);
  CHECK(goroutine_states(all).front() == std::pair<std::string, uint64_t>{"chan send", 10});
}

TEST_CASE("goroutine-pile-up is found without an endpoint, from what memory tells") {
  Snapshot s = healthy();
  s.endpoints = std::vector<Endpoint>{};
  s.goroutines = publishing(900);
  CHECK(findings_of(s, "goroutine-pile-up").empty());
  s.goroutines = publishing(1200);
  auto found = findings_of(s, "goroutine-pile-up");
  REQUIRE(found.size() == 1);
  CHECK(found[0].detail.find("1200 of them in one place: main.publish, chan send") != std::string::npos);
  CHECK(found[0].evidence[0].artifact == "threads/goroutines.txt");
  s.goroutines->left_out = 100'000;
  CHECK(findings_of(s, "goroutine-pile-up")[0].detail.find("1200 of the 1201 that were read in one place") !=
        std::string::npos);
  auto all = figures(s);
  auto figure = std::find_if(all.begin(), all.end(), [](auto& each) { return each.key == "runtime.goroutines"; });
  REQUIRE(figure != all.end());
  CHECK(figure->text == "101201");
}

TEST_CASE("goroutine-pile-up tells since when they wait, and who began them") {
  Snapshot s = healthy();
  s.endpoints = std::vector<Endpoint>{};
  s.goroutines = publishing(1200);
  for (auto& one : s.goroutines->goroutines) one.creator = 1;
  auto found = findings_of(s, "goroutine-pile-up");
  REQUIRE(found.size() == 1);
  CHECK(found[0].detail.find("waited for 2 min") != std::string::npos);
  CHECK(found[0].detail.find("begun by main.publish.") != std::string::npos);
}

TEST_CASE("goroutine-leak-suspect: each alone with a channel of its own, for long") {
  Snapshot s = healthy();
  s.goroutines = publishing(40);
  auto& all = s.goroutines->goroutines;
  auto set = [&](double seconds, uint32_t element_bytes, uint32_t others) {
    for (auto& one : all) {
      one.waiting_seconds = seconds;
      one.channel = GoChannelWait{0xc000000000 + one.id * 64, element_bytes, others};
      one.creator = 1;
    }
  };
  set(600, 8, 0);
  auto found = findings_of(s, "goroutine-leak-suspect");
  REQUIRE(found.size() == 1);
  CHECK(found[0].severity == Severity::kLow);
  CHECK(found[0].title == "40 goroutines may never end: main.publish");
  CHECK(found[0].detail.find("begun by main.publish.") != std::string::npos);
  CHECK(found[0].evidence[0].artifact == "threads/goroutines.txt");
  set(60, 8, 0);
  CHECK(findings_of(s, "goroutine-leak-suspect").empty());  // at work
  set(600, 0, 0);
  CHECK(findings_of(s, "goroutine-leak-suspect").empty());  // sessions that wait for their end
  set(600, 8, 1);
  CHECK(findings_of(s, "goroutine-leak-suspect").empty());  // somebody else has it
  set(600, 8, 0);
  for (auto& one : all) one.channel->address = 0xc000000000;
  CHECK(findings_of(s, "goroutine-leak-suspect").empty());  // workers of one queue
}
