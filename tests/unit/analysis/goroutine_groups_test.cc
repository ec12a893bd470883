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
