#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "collector/report/page.h"
#include "tests/unit/analysis/futex_threads.h"

using namespace ec;
using namespace ec::test;

namespace {

std::string bytes_of(const Snapshot& snapshot, std::string_view path) {
  for (auto& artifact : derived_artifacts(snapshot, RawStore()))
    if (artifact.path == path) return artifact.bytes;
  return "";
}

size_t count(std::string_view text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

Snapshot convoy(int waiters) {
  Snapshot s = healthy();
  s.threads = std::vector<Thread>{thread(42, "holder")};
  for (int i = 0; i < waiters; ++i) s.threads->push_back(mutex_waiter(100 + i, 0x1000, 42));
  return s;
}

}  // namespace

TEST_CASE("threads/waits.json keeps the contract") {
  Snapshot s = convoy(2);
  s.threads->push_back(mutex_waiter(200, 0x2000, 201));
  s.threads->push_back(mutex_waiter(201, 0x3000, 200));
  auto root = nlohmann::json::parse(bytes_of(s, "threads/waits.json"));
  CHECK(root["schema"] == 1);
  CHECK(root["threads"] == 5);
  REQUIRE(root["waits"].size() == 4);
  for (auto* key :
       {"waiter", "name", "kind", "object", "futex", "owner", "function", "timed", "confirmed_by_stack", "stood_still"})
    CHECK(root["waits"][0].contains(key));
  CHECK(root["objects"][0]["address"] == "0x1000");
  CHECK(root["objects"][0]["kind"] == "mutex");
  CHECK(root["objects"][0]["owner"] == 42);
  CHECK(root["objects"][0]["waiters"] == std::vector<int>{100, 101});
  REQUIRE(root["cycles"].size() == 1);
  CHECK(root["cycles"][0]["tids"] == std::vector<int>{200, 201});
  CHECK(root["cycles"][0]["verdict"] == "deadlock");
  CHECK(root["cycles"][0]["objects"] == std::vector<std::string>{"0x2000", "0x3000"});
  REQUIRE(root["roots"].size() == 1);
  CHECK(root["roots"][0]["tid"] == 42);
  CHECK(root["roots"][0]["waiters"] == 2);
  CHECK(root["chains"][0]["tids"] == std::vector<int>{100, 42});
}

TEST_CASE("threads/waits.json without a wait is there and empty, and there is no picture") {
  auto root = nlohmann::json::parse(bytes_of(healthy(), "threads/waits.json"));
  CHECK(root["waits"].empty());
  CHECK(root["objects"].empty());
  CHECK(bytes_of(healthy(), "threads/waits.svg").empty());
}

TEST_CASE("threads/waits.svg: two waiters and five hundred are one box") {
  for (int waiters : {2, 500}) {
    std::string picture = bytes_of(convoy(waiters), "threads/waits.svg");
    CHECK(picture.starts_with("<svg xmlns="));
    CHECK(picture.size() < 4000);
    CHECK(picture.find(std::to_string(waiters) + " threads") != std::string::npos);
    CHECK(picture.find("holder (tid 42)") != std::string::npos);
    CHECK(count(picture, "<g>") == 3);  // waiters, mutex, holder
    CHECK(picture.find("#c62828\" stroke-width=\"2\"") == std::string::npos);
  }
}

TEST_CASE("threads/waits.svg: circles are red, and a thousand of them are cut and counted") {
  Snapshot s = healthy();
  s.threads = std::vector<Thread>{thread(42, "main")};
  for (int i = 0; i < 1000; ++i) {
    s.threads->push_back(mutex_waiter(1000 + 2 * i, 0x10000 + 128 * static_cast<uint64_t>(i), 1001 + 2 * i));
    s.threads->push_back(mutex_waiter(1001 + 2 * i, 0x10040 + 128 * static_cast<uint64_t>(i), 1000 + 2 * i));
  }
  std::string picture = bytes_of(s, "threads/waits.svg");
  CHECK(picture.find("#c62828\" stroke-width=\"2\"") != std::string::npos);
  CHECK(picture.size() < 64 * 1024);
  CHECK(picture.find("more wait for locks that are not drawn") != std::string::npos);
}

TEST_CASE("threads/waits.svg: names are text, whatever is in them") {
  Snapshot s = convoy(2);
  s.threads->front().name = "<script>&\"\x01\xff";
  std::string picture = bytes_of(s, "threads/waits.svg");
  CHECK(picture.find("<script>") == std::string::npos);
  CHECK(picture.find("&lt;script&gt;&amp;&quot;") != std::string::npos);
  CHECK(picture.find('\x01') == std::string::npos);
}
