// Members of raw JSON artifacts: what is missing, of another type or out of range is nothing.
#include "collector/collectors/json_members.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace ec;
using nlohmann::json;

TEST_CASE("members of their own type are read") {
  const json object = json::parse(R"({"text": "a", "whole": 7, "signed": -7, "number": 1.5, "flag": true,
                                      "hex": "0x1f", "list": [1, 2], "object": {"text": "b"}})");
  CHECK(text_of(object, "text") == "a");
  CHECK(whole_of(object, "whole") == 7);
  CHECK(signed_of(object, "signed") == -7);
  CHECK(int_of(object, "signed") == -7);
  CHECK(number_of(object, "number") == 1.5);
  CHECK(flag_of(object, "flag"));
  CHECK(hex_of(object, "hex") == 0x1f);
  CHECK(list_of(object, "list").size() == 2);
  CHECK(text_of(object_of(object, "object"), "text") == "b");
}

TEST_CASE("numbers out of range become the nearest that fits, and a negative one is no whole number") {
  const json object =
      json::parse(R"({"huge": 18446744073709551615, "low": -9223372036854775808, "over": 1e400})", nullptr, false);
  const json sane = json::parse(R"({"huge": 18446744073709551615, "low": -9223372036854775808})");
  CHECK(object.is_discarded());
  CHECK(signed_of(object, "huge") == 0);
  CHECK(whole_of(sane, "huge") == UINT64_MAX);
  CHECK(signed_of(sane, "huge") == INT64_MAX);
  CHECK(int_of(sane, "huge") == INT32_MAX);
  CHECK(int_of(sane, "low") == INT32_MIN);
  CHECK(whole_of(sane, "low") == 0);
}

TEST_CASE("what is missing or of another type is nothing, also where there is no object at all") {
  for (const char* text : {"{}", R"({"m": null})", R"({"m": [[]]})", R"({"m": {"m": 1}})", R"({"m": "19"})", "[1]", "7",
                           R"("m")", "null"}) {
    CAPTURE(text);
    const json value = json::parse(text);
    CHECK(whole_of(value, "m") == 0);
    CHECK(signed_of(value, "m") == 0);
    CHECK(number_of(value, "m") == 0);
    CHECK_FALSE(flag_of(value, "m"));
    CHECK(hex_of(value, "m") == 0);
    CHECK(text_of(object_of(list_of(value, "none"), "m"), "m").empty());
  }
  CHECK(text_of(json::parse(R"({"m": 1})"), "m").empty());
  CHECK(hex_value("1f") == 0);
  CHECK(hex_value("0xzz") == 0);
  CHECK(hex_value("0x1ffffffffffffffff") == 0);
}
