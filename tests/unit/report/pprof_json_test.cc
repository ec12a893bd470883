#include "collector/report/pprof_json.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/small_profiles.h"

using namespace ec;
using namespace ec::test;
using nlohmann::json;

TEST_CASE("a profile as JSON has every row of it") {
  auto owned =
      small_profile({.types = {{"samples", "count"}, {"cpu", "nanoseconds"}},
                     .samples = {{"main;run;inlined|leaf", {2, 20}, {{"tenant", "a\"b\xff"}}}, {"main", {1, -10}}},
                     .default_type = "cpu"});
  owned.profile.time_ns = 5;
  auto root = json::parse(pprof_json(owned.profile));
  CHECK(root["sample_types"] ==
        json::parse(R"([{"type":"samples","unit":"count"},{"type":"cpu","unit":"nanoseconds"}])"));
  CHECK(root["default_sample_type"] == "cpu");
  CHECK(root["time_ns"] == 5);
  CHECK(root["mappings"][0]["file"] == "/bin/program");
  REQUIRE(root["samples"].size() == 2);
  CHECK(root["samples"][0]["values"] == json::array({2, 20}));
  CHECK(root["samples"][1]["values"] == json::array({1, -10}));
  CHECK(root["samples"][0]["labels"] == json::parse("[{\"key\":\"tenant\",\"text\":\"a\\\"b\xef\xbf\xbd\"}]"));
  CHECK(root["samples"][1]["labels"] == json::array());

  auto name = [&](const json& id) {
    for (const json& function : root["functions"])
      if (function["id"] == id) return function["name"].get<std::string>();
    return std::string();
  };
  std::vector<std::string> names;
  for (const json& id : root["samples"][0]["locations"])
    for (const json& location : root["locations"])
      if (location["id"] == id) {
        CHECK(location["mapping_id"] == root["mappings"][0]["id"]);
        for (const json& line : location["lines"]) names.push_back(name(line["function_id"]));
      }
  CHECK(names == std::vector<std::string>{"inlined", "leaf", "run", "main"});
}

TEST_CASE("an empty profile is JSON too") {
  auto root = json::parse(pprof_json(small_profile({.samples = {}}).profile));
  CHECK(root["samples"] == json::array());
  CHECK(root["comments"] == json::array());
}
