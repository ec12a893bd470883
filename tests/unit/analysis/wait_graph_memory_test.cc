// The wait graph of memory as it was recorded, and of memory that is damaged or no lock at all.
#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>

#include "collector/analysis/wait_graph.h"
#include "collector/base/text.h"
#include "tests/unit/analysis/futex_threads.h"

using namespace ec;
using namespace ec::test;

namespace {

// A line of tests/fixtures/locks/words.txt as the threads it was recorded from; `holder` 0 = there is none.
struct RecordedWait {
  std::string kind;
  int waiter = 0, holder = 0;
  std::vector<Thread> threads;
};

uint64_t hexadecimal(std::string_view text) { return parse_number<uint64_t>(text.substr(2), 16).value_or(0); }

std::vector<RecordedWait> recorded_waits() {
  std::ifstream file(EC_FIXTURES "/locks/words.txt");
  std::vector<RecordedWait> waits;
  for (std::string line; std::getline(file, line);) {
    auto fields = split_fields(line);
    if (fields.size() != 7 || fields[0].starts_with("#")) continue;
    RecordedWait wait{
        std::string(fields[0]), parse_number<int>(fields[1]).value_or(0), parse_number<int>(fields[2]).value_or(0), {}};
    FutexMemoryBuilder memory;
    memory.bytes.clear();
    for (size_t i = 0; i + 1 < fields[6].size(); i += 2)
      memory.bytes += static_cast<char>(parse_number<uint8_t>(fields[6].substr(i, 2), 16).value_or(0));
    wait.threads.push_back(futex_waiter(wait.waiter, hexadecimal(fields[5]), hexadecimal(fields[3]),
                                        static_cast<uint32_t>(hexadecimal(fields[4])), memory));
    if (wait.holder != 0) wait.threads.push_back(thread(wait.holder, "holder"));
    waits.push_back(std::move(wait));
  }
  return waits;
}

}  // namespace

TEST_CASE("recorded locks: kind and owner from the memory alone") {
  const std::map<std::string, std::string> expected{{"normal", "mutex holder"},
                                                    {"recursive", "mutex holder"},
                                                    {"errorcheck", "mutex holder"},
                                                    {"adaptive", "mutex holder"},
                                                    {"timed", "mutex holder"},
                                                    {"pi", "pi-mutex holder"},
                                                    {"robust", "robust-mutex holder"},
                                                    {"write-write", "rwlock-write holder"},
                                                    {"write-read", "rwlock-read holder"},
                                                    {"read-write", "rwlock-write nobody"},
                                                    {"condition", "condition nobody"},
                                                    {"semaphore", "semaphore nobody"},
                                                    {"barrier", "barrier nobody"},
                                                    {"join", "join holder"},
                                                    {"static", "static-init nobody"},
                                                    {"stdio", "stdio nobody"},
                                                    {"future", "future nobody"},
                                                    {"once", "unknown nobody"},
                                                    {"atomic", "unknown nobody"},
                                                    {"musl-normal", "mutex-without-owner nobody"},
                                                    {"musl-recursive", "mutex holder"},
                                                    {"musl-errorcheck", "mutex holder"}};
  auto recorded = recorded_waits();
  CHECK(recorded.size() == expected.size());
  for (auto& each : recorded) {
    INFO(each.kind);
    auto graph = graph_of(each.threads);
    REQUIRE(graph.waits.size() == 1);
    auto& wait = graph.waits.front();
    REQUIRE(expected.count(each.kind) == 1);
    CHECK(fmt::format("{} {}", word_of(wait.kind),
                      wait.owner == each.holder && wait.owner != 0 ? "holder" : "nobody") == expected.at(each.kind));
    CHECK((wait.owner == 0 || wait.owner == each.holder));
  }
}

// Each byte of each recording changed: the owner that is written there, or nobody.
TEST_CASE("recorded locks with one byte changed never name a thread that does not have them") {
  for (auto& each : recorded_waits()) {
    INFO(each.kind);
    for (size_t at = 0; at < each.threads.front().futex->bytes.size(); ++at)
      for (int flip : {0x40, 0x80, 0xff}) {
        auto threads = each.threads;
        auto& byte = threads.front().futex->bytes[at];
        byte = static_cast<char>(byte ^ flip);
        threads.push_back(thread(3, "bystander"));
        for (auto& wait : graph_of(threads).waits) CHECK((wait.owner == 0 || wait.owner == each.holder));
      }
  }
}

TEST_CASE("random bytes make no owner that is not written where it belongs") {
  uint64_t state = 1;
  auto random = [&] { return state = state * 6364136223846793005 + 1442695040888963407; };
  constexpr std::array<uint64_t, 6> kOperations{0x00, 0x80, 0x189, 0x89, 0x109, 0x86};
  int owners = 0;
  for (int i = 0; i < 50'000; ++i) {
    FutexMemoryBuilder memory;
    for (char& byte : memory.bytes) byte = static_cast<char>(random() >> 56);
    memory.bytes.resize(random() % 113);
    uint64_t operation = kOperations[random() % 5];  // LOCK_PI, the last, is the kernel's own word
    uint32_t value = random() % 2 ? static_cast<uint32_t>(random() % 4) : static_cast<uint32_t>(random() >> 32);
    auto graph = graph_of({thread(1, "x"), thread(2, "y"), futex_waiter(3, 0x1000, operation, value, memory)});
    for (auto& wait : graph.waits) owners += wait.owner != 0;
  }
  CHECK(owners == 0);
}
