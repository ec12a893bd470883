// Goroutines read from outside against what the same program says itself, /debug/pprof/goroutine?debug=2.
#include "collector/collectors/goroutines.h"

#include <fcntl.h>

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "collector/base/text.h"
#include "collector/runtimes/go_layout.h"
#include "tests/live/files_sink.h"
#include "tests/support/program.h"

using namespace ec;
using namespace ec::test;

namespace {

struct Told {
  std::string state;
  std::vector<std::string> places;  // "main.wait /src/main.go:20", innermost first, without those of the runtime
};

bool of_runtime(std::string_view function) { return function.starts_with("runtime."); }

// "goroutine 7 [chan receive, 2 minutes]:", "main.wait(0xc0, ...)", "\t/src/main.go:20 +0x1d", "created by main.main".
std::map<uint64_t, Told> told_by_the_program(const std::string& text) {
  std::map<uint64_t, Told> all;
  Told* one = nullptr;
  LineCursor lines("debug=2", text);
  while (auto line = lines.next()) {
    if (line->starts_with("goroutine ")) {
      size_t open = line->find(" ["), close = line->find_first_of(",]", open);
      auto id = parse_number<uint64_t>(line->substr(10, open - 10));
      REQUIRE(id);
      one = &all[*id];
      one->state = line->substr(open + 2, close - open - 2);
    } else if (one && !line->empty() && !line->starts_with("\t") && !line->starts_with("created by ")) {
      std::string function(line->substr(0, line->rfind('(')));
      auto place = lines.next();
      REQUIRE(place);
      if (!of_runtime(function))
        one->places.push_back(function + " " + std::string(trim(place->substr(0, place->find(" +")))));
    }
  }
  return all;
}

std::string built(const std::string& flags) {
  static TempDir folder;
  std::string program = folder / (flags.empty() ? "normal" : "stripped");
  ProgramSettings settings;
  settings.directory = std::string(EC_SOURCE_DIR) + "/tests/targets/go/pprof_server";
  settings.environment = {"GOFLAGS=-mod=mod -buildvcs=false", "GOPROXY=off", "GOCACHE=" + (folder / "cache")};
  settings.timeout = std::chrono::seconds(150);
  auto result = run_program({"go", "build", "-ldflags", flags, "-o", program, "."}, settings);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  return program;
}

}  // namespace

TEST_CASE("the table of the installed Go says what its debug information says") {
  std::string version = run_program({"go", "env", "GOVERSION"}).out;
  REQUIRE(version.starts_with("go1."));
  auto elf = ElfFile::open(ByteSource("normal", UniqueFd(open(built("").c_str(), O_RDONLY | O_CLOEXEC))));
  REQUIRE(elf);
  auto debug = go_layout_from_debug(std::make_shared<const ElfFile>(std::move(*elf)));
  INFO((debug ? "" : debug.error().message()));
  REQUIRE(debug);
  CHECK(debug->from == "debug information");
  auto table = go_layout(trim(std::string_view(version).substr(2)));
  REQUIRE(table);
  CHECK(difference(*debug, *table) == "");
  CHECK(debug->size() == table->size());
}

TEST_CASE("goroutines read from memory are those that the program tells of itself") {
  std::string flags = GENERATE("", "-s -w");
  INFO("ldflags " << flags);
  BackgroundProgram server({built(flags), "-pile", "5000"});
  std::string ready = server.wait_for_line("ready ");
  std::string address = ready.substr(ready.rfind(' ') + 1);
  std::vector<std::string> ask{"python3", "-c",
                               "import urllib.request,sys; sys.stdout.write(urllib.request.urlopen('http://" + address +
                                   "/debug/pprof/goroutine?debug=2').read().decode())"};
  // Once it has answered, it waits for the next one.
  REQUIRE(run_program(ask).exit_code == 0);
  Snapshot snapshot = collected(server.pid(), {{gather_goroutines, parse_goroutines}});
  INFO((snapshot.goroutines ? "" : snapshot.goroutines.why().message()));
  REQUIRE(snapshot.goroutines);
  const RuntimeGoroutines& all = *snapshot.goroutines;
  CHECK(all.layout == (flags.empty() ? "debug information" : "table for Go " + all.version.substr(0, 4)));

  auto got = run_program(ask);
  REQUIRE(got.exit_code == 0);
  auto told = told_by_the_program(got.out);
  REQUIRE(told.size() > 5000);

  std::set<std::string> states;
  size_t compared = 0;
  for (const Goroutine& one : all.goroutines) {
    if (one.system) continue;
    INFO("goroutine " << one.id);
    auto other = told.find(one.id);
    REQUIRE(other != told.end());
    if (one.state == "running" || one.state == "runnable" || other->second.state != one.state) continue;
    states.insert(one.state);
    REQUIRE(one.stack);
    CHECK(all.stacks[*one.stack].whole);
    std::vector<std::string> places;
    for (uint32_t index : all.stacks[*one.stack].frames) {
      const GoFrame& frame = all.frames[index];
      if (!of_runtime(frame.function))
        places.push_back(fmt::format("{} {}:{}", frame.function, frame.file, frame.line));
    }
    CHECK(places == other->second.places);
    ++compared;
  }
  CHECK(compared >= 5000);
  CHECK(compared + 5 >= told.size());
  for (const char* state : {"chan receive", "semacquire", "IO wait", "syscall"}) CHECK(states.count(state) == 1);
}

TEST_CASE("a program that is not Go has no goroutines, and nothing is said about it") {
  BackgroundProgram idle({std::string(EC_TARGETS_DIR) + "/idle"});
  auto target = identify(idle.pid());
  REQUIRE(target);
  StoreSink sink;
  RunOptions options;
  sink.run(gather_goroutines, &*target, options);
  CHECK_FALSE(sink.store.read("raw/goroutines.txt"));
  CHECK(sink.store.list("raw/").empty());
}
