// Every kind of lock of glibc and musl in a real process: threads/waits.json says who waits for whom, or why not.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/live/stack_programs.h"
#include "tests/support/place.h"

namespace ec::test {

namespace {

using nlohmann::json;

struct Look {
  json waits, summary;
  std::string picture;
  std::string told;  // what the run said of itself
};

std::string sleeping_states(pid_t pid) {
  std::string states;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
    std::string stat = read_text(task.path().string() + "/stat");
    size_t end = stat.rfind(')');
    if (end != std::string::npos && end + 2 < stat.size()) states += stat[end + 2];
  }
  return states;
}

// The program with this kind of lock, and what a run says of it.
Look look_at(const std::string& program, const std::string& kind, const std::vector<std::string>& more = {},
             bool settles = true) {
  Conversation target({std::string(EC_TARGETS_DIR "/") + program, kind});
  REQUIRE(target.started());
  if (settles)
    REQUIRE(eventually([&] { return sleeping_states(target.pid()).find_first_not_of('S') == std::string::npos; }));
  usleep(50'000);
  TempDir folder;
  std::vector<std::string> arguments{"--pid", std::to_string(target.pid()), "--only", "threads,stacks",
                                     "-o",    folder / "look.tar.zst"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  ProgramResult run = collect(arguments);
  CAPTURE(run.err);
  REQUIRE((run.exit_code == 0 || run.exit_code == 3));
  auto artifact = [&](const std::string& path) { return collect({"show", folder / "look.tar.zst", path}).out; };
  Look look;
  look.waits = json::parse(artifact("threads/waits.json"), nullptr, false);
  look.summary = json::parse(artifact("summary.json"), nullptr, false);
  look.picture = artifact("threads/waits.svg");
  look.told = fmt::format("{}\nnot examined: {}", run.err, look.summary["not_examined"].dump());
  REQUIRE(look.waits.is_object());
  REQUIRE(look.summary.is_object());
  return look;
}

std::string text(const json& value) { return value.is_string() ? value.get<std::string>() : ""; }

// "kind name → owner" of the object that most threads wait for.
std::string first_object(const Look& look) {
  if (look.waits["objects"].empty()) return "none";
  const json& object = look.waits["objects"][0];
  return fmt::format("{} {} -> {}", text(object["kind"]), text(object["name"]),
                     object["owner"].is_null() ? "?" : text(object["owner_name"]));
}

std::vector<std::string> ids(const Look& look) {
  std::vector<std::string> found;
  for (const json& finding : look.summary["findings"]) found.push_back(text(finding["id"]));
  return found;
}

bool has(const Look& look, const std::string& id) {
  auto found = ids(look);
  return std::find(found.begin(), found.end(), id) != found.end();
}

struct Expected {
  const char *kind, *object;
};

}  // namespace

TEST_CASE("locks of glibc and libstdc++: kind, name and owner") {
  constexpr Expected kExpected[] = {
      {"normal", "mutex g_mutex -> holder"},
      {"recursive", "mutex g_mutex -> holder"},
      {"errorcheck", "mutex g_mutex -> holder"},
      {"adaptive", "mutex g_mutex -> holder"},
      {"timed", "mutex g_mutex -> holder"},
      {"pi", "pi-mutex g_mutex -> holder"},
      {"robust", "robust-mutex g_mutex -> holder"},
      {"write-write", "rwlock-write g_rwlock -> holder"},
      {"write-read", "rwlock-read g_rwlock -> holder"},
      {"read-write", "rwlock-write g_rwlock -> ?"},
      {"condition", "condition g_condition -> ?"},
      {"semaphore", "semaphore g_semaphore -> ?"},
      {"barrier", "barrier g_barrier -> ?"},
      {"join", "join  -> holder"},
      {"atomic", "atomic-wait g_atomic -> ?"},
      {"future", "future  -> ?"},
      {"unknown", "unknown g_word -> ?"},
      {"shared", "mutex g_mutex -> holder"},
      {"std-mutex", "mutex g_std_mutex -> holder"},
      {"std-recursive", "mutex g_std_recursive -> holder"},
      {"std-timed", "mutex g_std_timed -> holder"},
      {"std-shared-write", "rwlock-write g_std_shared -> holder"},
      {"std-shared-read", "rwlock-read g_std_shared -> holder"},
      {"std-shared-readers", "rwlock-write g_std_shared -> ?"},
      {"std-condition", "condition g_std_condition -> ?"},
      {"std-join", "join  -> holder"},
      {"condition-second", "condition g_condition -> ?"},
      {"timed-condition", "condition g_condition -> ?"},
  };
  for (const Expected& expected : kExpected) {
    INFO(expected.kind);
    Look look = look_at("locks", expected.kind);
    INFO(look.told);
    CHECK(first_object(look) == expected.object);
    CHECK(look.waits["cycles"].empty());
    CHECK(ids(look).empty());
  }
}

TEST_CASE("locks whose name or owner depends on the symbols of the C library") {
  CHECK(look_at("locks", "static").waits["objects"][0]["owner_name"] == "holder");
  CHECK(first_object(look_at("locks", "stdio")).find("-> holder") != std::string::npos);
  Look once = look_at("locks", "once"), allocator = look_at("locks", "malloc");
  CHECK((first_object(once) == "once g_once -> holder" || first_object(once) == "unknown g_once -> ?"));
  CHECK(allocator.waits["objects"][0]["kind"] == "malloc");
  CHECK(allocator.waits["objects"][0]["owner"].is_null());
  Look std_once = look_at("locks", "std-once"), wide = look_at("locks", "wide-atomic");
  CHECK((first_object(std_once) == "once g_std_once -> holder" || first_object(std_once) == "unknown g_std_once -> ?"));
  // Wider than a futex: it waits on a word of the library's pool, and is not named.
  CHECK(wide.waits["objects"][0]["kind"] == "atomic-wait");
}

TEST_CASE("a deadlock of one, two and five threads, and what is none") {
  for (auto [kind, threads] : {std::pair{"self", 1}, {"two", 2}, {"five", 5}}) {
    INFO(kind);
    Look look = look_at("locks", kind);
    REQUIRE(look.waits["cycles"].size() == 1);
    CHECK(look.waits["cycles"][0]["verdict"] == "deadlock");
    CHECK(look.waits["cycles"][0]["tids"].size() == static_cast<size_t>(threads));
    CHECK(look.waits["cycles"][0]["objects"].size() == static_cast<size_t>(threads));
    CHECK(ids(look) == std::vector<std::string>{"deadlock"});
    CHECK(look.picture.find("#c62828") != std::string::npos);
  }
  Look quarrel = look_at("locks", "quarrel", {}, false);
  CHECK_FALSE(has(quarrel, "deadlock"));
  // Stopped for their stacks, they ran, for us.
  Look stopped = look_at("locks", "two", {"--stacks", "consistent"});
  CHECK(ids(stopped) == std::vector<std::string>{"deadlock-suspect"});
}

TEST_CASE("a convoy leads to the thread at its end and to what that does") {
  Look convoy = look_at("locks", "convoy");
  CHECK(ids(convoy) == std::vector<std::string>{"lock-convoy"});
  REQUIRE(convoy.waits["roots"].size() == 1);
  CHECK(convoy.waits["roots"][0]["name"] == "holder");
  CHECK(convoy.waits["roots"][0]["waiters"] == 12);
  CHECK(text(convoy.waits["roots"][0]["doing"]).find("recv") != std::string::npos);

  Look chain = look_at("locks", "chain");
  REQUIRE(chain.waits["chains"].size() == 1);
  CHECK(chain.waits["chains"][0]["tids"].size() == 5);  // waiter, three links, holder
  CHECK(chain.waits["roots"][0]["waiters"] == 12);
  REQUIRE(chain.summary["findings"].size() == 1);
  std::string detail = text(chain.summary["findings"][0]["detail"]);
  CHECK(detail.find("9 threads of locks") == 0);
  CHECK(detail.find("at the end of this chain of 4 locks stands holder") != std::string::npos);
  CHECK(detail.find("receive_under_lock") != std::string::npos);
  CHECK(chain.picture.find("9 threads") != std::string::npos);
}

TEST_CASE("locks of musl: an owner where one is written, else none") {
  if (access(EC_TARGETS_DIR "/locks_musl", X_OK) != 0) return not_run_here("needs musl-gcc (musl-tools)");
  for (const char* kind : {"recursive", "errorcheck"})
    CHECK(first_object(look_at("locks_musl", kind)) == "mutex g_mutex -> holder");
  CHECK(first_object(look_at("locks_musl", "normal")) == "mutex-without-owner g_mutex -> ?");
  // Debian's musl has neither call frame information nor local symbols: what the stack would tell may stay unknown,
  // but nobody is named who does not have it.
  for (const char* kind : {"write-read", "read-write", "stdio", "condition", "semaphore", "join"}) {
    INFO(kind);
    Look look = look_at("locks_musl", kind);
    REQUIRE(look.waits["objects"].size() == 1);
    const json& object = look.waits["objects"][0];
    CHECK((object["owner"].is_null() || object["owner_name"] == "holder"));
    CHECK(ids(look).empty());
  }
}

}  // namespace ec::test
