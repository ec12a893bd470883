#include "collector/report/goroutine_dumps.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/profile_text.h"

using namespace ec;
using namespace ec::test;

TEST_CASE("a death in words: why, where, and who else was there") {
  auto dumps = find_goroutine_dumps(fixture("go-dumps/fatal.txt"));
  std::string text = goroutine_dumps_text(dumps);
  CHECK(
      text.starts_with("fatal error: concurrent map writes\n"
                       "printed first: goroutine "));
  CHECK(text.find(", in main.main.func1  last_words/main.go:170\n\n19 goroutines at ") != std::string::npos);
  CHECK(text.find("\n     5 × chan receive\n"
                  "         main.waitForReply  last_words/main.go:31\n"
                  "         created by main.startPool  last_words/main.go:64\n") != std::string::npos);
}

TEST_CASE("the same as JSON, and hostile names do no harm") {
  auto dumps = find_goroutine_dumps(
      "panic: \"\x1b[2J\xff\ngoroutine 1 [select, 3 minutes, locked to thread]:\nmain.\x1b[31mf\"(0x1)\n\t/m.go:7 "
      "+0x1\n");
  REQUIRE(dumps.size() == 1);
  auto json = nlohmann::json::parse(goroutine_dumps_json(dumps));
  const auto& group = json["dumps"][0]["groups"][0];
  CHECK(group["state"] == "select");
  CHECK(group["longest_minutes"] == 3);
  CHECK(group["locked_to_thread"] == 1);
  CHECK(group["ids"] == nlohmann::json{1});
  CHECK(group["frames"][0]["line"] == 7);
  std::string text = goroutine_dumps_text(dumps);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find(" × select, up to 3 min, 1 locked to a thread\n") != std::string::npos);
  CHECK(goroutine_dumps_text({}).empty());
  CHECK(nlohmann::json::parse(goroutine_dumps_json({}))["dumps"].empty());
}
