// A series, the store and the baseline, as a user meets them.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/program.h"

using namespace ec::test;
using nlohmann::json;

namespace {

// Small and quick: what the store and the baseline need, no more.
ProgramResult collected(pid_t pid, const std::vector<std::string>& more) {
  std::vector<std::string> arguments{"--pid",
                                     std::to_string(pid),
                                     "--profile-seconds",
                                     "0",
                                     "--endpoint",
                                     "none",
                                     "--only",
                                     "process,process_facts,open_files,gauges"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  auto result = collect(arguments);
  INFO(result.err);
  CHECK((result.exit_code == 0 || result.exit_code == 3));
  return result;
}

std::vector<json> listed(const std::string& store) {
  auto result = collect({"store", "list", "--json", "--store", store});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  return json::parse(result.out).get<std::vector<json>>();
}

}  // namespace

TEST_CASE("an archive is kept, listed, taken out and removed") {
  TempDir folder;
  std::string store = folder / "store";
  BackgroundProgram target({"sleep", "300"});
  collected(target.pid(), {"--keep", "--store", store});
  auto archives = listed(store);
  REQUIRE(archives.size() == 1);
  CHECK(archives[0]["comm"] == "sleep");
  CHECK(archives[0]["pid"] == target.pid());
  std::string name = archives[0]["name"];
  CHECK(archives[0]["verdict"].get<std::string>().size() > 10);
  auto table = collect({"store", "list", "--store", store});
  CHECK(table.out.find(name) != std::string::npos);
  CHECK(table.out.find("PROGRAM") != std::string::npos);

  auto copied = collect({"store", "get", name, "--store", store, "-o", folder / "copy.tar.zst"});
  CHECK(copied.exit_code == 0);
  CHECK(copied.out == folder / "copy.tar.zst\n");
  CHECK(collect({"verify", folder / "copy.tar.zst"}).exit_code != 1);
  auto streamed = collect({"store", "get", name, "--store", store, "-o", "-"});
  CHECK(streamed.out == read_text(folder / "copy.tar.zst"));

  // A copy beside the file that was asked for.
  collected(target.pid(), {"--keep", "--store", store, "-o", folder / "mine.tar.zst"});
  CHECK_FALSE(read_text(folder / "mine.tar.zst").empty());
  REQUIRE(listed(store).size() == 2);
  auto dry = collect({"store", "gc", "--max-count", "1", "--dry-run", "--store", store});
  CHECK(dry.out.find("would remove") != std::string::npos);
  CHECK(listed(store).size() == 2);
  CHECK(collect({"store", "gc", "--max-count", "1", "--store", store}).exit_code == 0);
  archives = listed(store);
  REQUIRE(archives.size() == 1);
  CHECK(collect({"store", "rm", archives[0]["name"], "--store", store}).exit_code == 0);
  CHECK(listed(store).empty());
  CHECK(collect({"store", "rm", "no-archive", "--store", store}).exit_code == 1);
  CHECK(collect({"store", "get", name, "--store", store}).exit_code == 1);
  CHECK(collect({"store", "list", "--store", folder / "none"}).exit_code == 1);
  CHECK(collect({"store"}).exit_code == 2);
}

TEST_CASE("what is higher than in the last good archives stands on the page") {
  TempDir folder;
  std::string store = folder / "store";
  ProgramSettings crowded;
  crowded.in_child = [] {
    for (int i = 0; i < 100; ++i) (void)!open("/dev/null", O_RDONLY);
  };
  {
    BackgroundProgram usual({"sleep", "300"});
    for (int i = 0; i < 2; ++i) collected(usual.pid(), {"--keep", "--store", store});
  }
  BackgroundProgram target({"sleep", "300"}, crowded);
  auto result = collected(target.pid(), {"--baseline", "last-good", "--store", store, "-o", folder / "now.tar.zst"});
  CAPTURE(result.out);
  CHECK(result.out.find("HIGHER THAN USUAL  beside 2 archives") != std::string::npos);
  CHECK(result.out.find("open files: 1") != std::string::npos);
  CHECK(result.out.find("runbook descriptor-leak") != std::string::npos);

  auto summary = json::parse(collect({"show", folder / "now.tar.zst", "summary.json"}).out);
  REQUIRE(summary["baseline"]["archives"].size() == 2);
  auto higher = summary["baseline"]["higher"];
  auto row =
      std::find_if(higher.begin(), higher.end(), [](const json& r) { return r["figure"] == "process.open_files"; });
  REQUIRE(row != higher.end());
  CHECK((*row)["severity"] == "high");
  CHECK((*row)["mean"] < 20);
  CHECK((*row)["deviation"] == 0);
  CHECK((*row)["value"] > 100);

  auto again = collect({"show", folder / "now.tar.zst", "--reanalyse"});
  CHECK(again.out.find("## Higher than usual") != std::string::npos);
  auto beside = collect({"show", folder / "now.tar.zst", "--baseline", folder / "now.tar.zst"});
  CHECK(beside.out.find("Nothing: no figure") != std::string::npos);
}

TEST_CASE("a baseline that is not there") {
  TempDir folder;
  CHECK(collect({"--pid", "1", "--baseline", folder / "none"}).exit_code == 2);
  BackgroundProgram target({"sleep", "300"});
  auto result = collected(target.pid(), {"--baseline", "last-good", "--store", folder / "none", "-o", folder.path()});
  CHECK(result.err.find("--baseline: ") != std::string::npos);
  CHECK(result.exit_code == 3);
  CHECK_FALSE(folder.find(".tar.zst").empty());
}

TEST_CASE("a store that nothing was kept in yet is empty, not an error") {
  TempDir folder;
  ProgramSettings settings;
  settings.environment = {"XDG_STATE_HOME=" + folder.path()};
  auto list = collect({"store", "list"}, settings);
  CHECK(list.exit_code == 0);
  CHECK(list.out.find("no archives: " + folder.path() + "/emergency-collect does not exist yet") == 0);
  CHECK(list.err.empty());
  CHECK(collect({"store", "gc"}, settings).exit_code == 0);
  CHECK(json::parse(collect({"store", "list", "--json"}, settings).out) == json::array());
  CHECK(collect({"store", "get", "x"}, settings).exit_code == 1);
  // One that was named must be there.
  CHECK(collect({"store", "list", "--store", folder / "typo"}).exit_code == 1);
}

TEST_CASE("a series leaves figures, a table and a picture") {
  TempDir folder;
  BackgroundProgram target({"sleep", "300"});
  auto result =
      collected(target.pid(), {"--samples", "7", "--every", "0.01", "--stacks", "none", "-o", folder / "a.tar.zst"});
  CHECK(result.out.find("7 samples over ") != std::string::npos);
  CHECK(result.out.find(": nothing grows; see process/gauges.txt") != std::string::npos);
  auto text = collect({"show", folder / "a.tar.zst", "process/gauges.txt"}).out;
  CAPTURE(text);
  CHECK(text.find("7 samples of 7 asked for") != std::string::npos);
  CHECK(text.find("threads               1 in ") != std::string::npos);
  auto picture = collect({"show", folder / "a.tar.zst", "process/gauges.svg"}).out;
  CHECK(picture.find("<polyline") != std::string::npos);
  auto summary = json::parse(collect({"show", folder / "a.tar.zst", "summary.json"}).out);
  CHECK(summary["figures"]["growth.threads"]["value"] == 0);
}
