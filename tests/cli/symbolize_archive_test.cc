// `symbolize ARCHIVE`: names for a stripped program, from debug files on another machine.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/program.h"
#include "tests/unit/symbolize/built_program.h"

using namespace ec::test;
using nlohmann::json;

namespace {

constexpr const char* kSource = R"(#include <unistd.h>
#include <stdio.h>
static volatile int sink;
__attribute__((noinline)) static int deepest(int depth) {
  puts("ready"), fflush(stdout);
  while (true) pause();
  return sink + depth;
}
static inline __attribute__((always_inline)) int within(int depth) { return deepest(depth + 1) + 1; }
namespace shop {
__attribute__((noinline)) static int serve(int depth) { return within(depth * 2) + 2; }
}
int main() { return shop::serve(sink) + 3; }
)";

// A stripped program, its debug file and one of another program under the same name, and an archive of it.
struct Stripped {
  TempDir folder;
  std::string archive, ending;

  explicit Stripped(const std::string& format = "tar.zst") : ending(format) {
    write_file(folder / "prog.cc", kSource);
    write_file(folder / "other.cc", std::string(kSource) + "int other() { return 4; }\n");
    REQUIRE(
        run("cd " + folder.path() +
            " && mkdir debug wrong && g++ -O2 -g -o whole prog.cc && g++ -O2 -g -o other other.cc &&"
            " objcopy --only-keep-debug whole debug/prog.debug && objcopy --only-keep-debug other wrong/prog.debug &&"
            " cp whole prog && strip prog"));
    BackgroundProgram program({folder / "prog"});
    REQUIRE(program.wait_for_line("ready") == "ready");
    archive = folder / ("a." + format);
    auto collected = collect({"--pid", std::to_string(program.pid()), "--only", "threads,stacks,executable",
                              "--endpoint", "none", "-q", "-o", archive});
    CAPTURE(collected.err);
    REQUIRE(collected.exit_code == 0);
  }
  std::string symbolized() const { return folder / ("a.symbolized." + ending); }
};

std::vector<json> frames_of_program(const std::string& archive) {
  auto shown = collect({"show", archive, "threads/stacks.json"});
  REQUIRE(shown.exit_code == 0);
  json stacks = json::parse(shown.out);
  std::vector<json> frames;
  for (const json& frame : stacks["threads"][0]["frames"])
    if (frame.value("module", "").ends_with("/prog")) frames.push_back(frame);
  return frames;
}

// "file:line" of all that is inlined at the call before `offset`, innermost first. Of names addr2line gives that of the
// symbol to the innermost and short ones to the others.
std::vector<std::string> addr2line(const std::string& file, const std::string& offset) {
  auto call = std::stoull(offset, nullptr, 16) - 1;
  std::istringstream lines(output_of(fmt::format("addr2line -i -e {} {:#x}", file, call)));
  std::vector<std::string> answers;
  for (std::string place; std::getline(lines, place);) answers.push_back(place.substr(0, place.find(" (")));
  return answers;
}

std::string hash_of(const std::string& file) { return output_of("sha256sum < " + file); }

}  // namespace

TEST_CASE("symbolize adds names, lines and inlined calls to an archive without them, as addr2line has them") {
  Stripped target;
  for (const json& frame : frames_of_program(target.archive)) CHECK(frame.value("symbol", "").empty());
  std::string before = hash_of(target.archive);

  auto result = collect({"symbolize", target.archive, "--debug-dir", target.folder / "debug"});
  CAPTURE(result.out, result.err);
  CHECK(result.exit_code == 0);
  CHECK(result.out.find("Archive: " + target.symbolized()) != std::string::npos);
  CHECK(hash_of(target.archive) == before);

  auto frames = frames_of_program(target.symbolized());
  std::vector<std::string> names, places, expected;
  for (const json& frame : frames) {
    std::string name = frame.value("symbol", "");
    names.push_back(name.substr(0, name.find_first_of("( [")));
    if (frame.value("line", 0) > 0) places.push_back(frame.value("file", "") + ":" + frame["line"].dump());
    if (frame.value("line", 0) > 0 && !frame.value("inlined", false))
      for (std::string& place : addr2line(target.folder / "whole", frame["module_offset"])) expected.push_back(place);
  }
  CHECK(names == std::vector<std::string>{"deepest", "within", "shop::serve", "main", "_start"});
  CHECK(places == expected);
  CHECK(expected.size() == 4);

  CHECK(collect({"verify", target.symbolized()}).exit_code == 0);
  CHECK(collect({"show", target.symbolized(), "threads/stacks.txt"}).out.find("shop::serve") != std::string::npos);
  CHECK(collect({"show", target.symbolized()}).out.find("names added 20") != std::string::npos);
  CHECK(collect({"show", target.symbolized(), "--reanalyse"}).out.find("shop::serve") != std::string::npos);
  CHECK(collect({"show", target.symbolized(), "raw/stacks.json"}).out ==
        collect({"show", target.archive, "raw/stacks.json"}).out);
  json manifest = json::parse(collect({"show", target.symbolized(), "manifest.json"}).out);
  CHECK(manifest["symbolized"]["archive"] == "a.tar.zst");
  CHECK(manifest["symbolized"]["collector"]["version"].is_string());
  CHECK(manifest["symbolized"]["files"][0]["file"] == target.folder / "debug/prog.debug");
  CHECK(manifest["symbolized"]["files"][0]["build_id"].get<std::string>().size() == 40);

  // Neither what is there nor what needs nothing is written again.
  auto again = collect({"symbolize", target.archive, "--debug-dir", target.folder / "debug"});
  CHECK(again.exit_code == 1);
  CHECK(again.err.find("is there already") != std::string::npos);
}

TEST_CASE("a debug file with another build id is refused, whatever its name") {
  Stripped target;
  auto result = collect({"symbolize", target.archive, "--debug-dir", target.folder / "wrong"});
  CHECK(result.exit_code == 1);
  CHECK(result.err.find("no name was found") != std::string::npos);
  CHECK(result.err.find("wrong/prog.debug has the build id") != std::string::npos);
  CHECK(target.folder.find(".symbolized.tar.zst").empty());
  CHECK(target.folder.find(".partial").empty());
}

TEST_CASE("a debug file is found under any name, and the program itself serves as well") {
  Stripped target;
  REQUIRE(run("cd " + target.folder.path() +
              " && mkdir any && cp debug/prog.debug any/x17 && mkdir copy && cp whole copy/y"));
  for (const char* directory : {"any", "copy"}) {
    std::string out = target.folder / directory + ".zip";
    auto result = collect({"symbolize", target.archive, "--debug-dir", target.folder / directory, "-o", out});
    CAPTURE(result.err);
    CHECK(result.exit_code == 0);
    CHECK(run("unzip -tqq " + out));
    CHECK(collect({"show", out, "threads/stacks.txt"}).out.find("shop::serve") != std::string::npos);
  }
}

TEST_CASE("symbolize keeps the format, and works on what a killed run left") {
  for (const char* format : {"tar.gz", "zip"}) {
    Stripped target(format);
    auto result = collect({"symbolize", target.archive, "--debug-dir", target.folder / "debug"});
    CAPTURE(result.err);
    CHECK(result.exit_code == 0);
    CHECK(collect({"verify", target.symbolized()}).exit_code == 0);
    CHECK(run((format == std::string("zip") ? "unzip -tqq " : "tar -tzf ") + target.symbolized()));

    // Without its end: no pages yet, no manifest.
    std::string cut = target.folder / "cut." + format + ".partial", bytes = read_text(target.archive);
    write_text(cut, bytes.substr(0, bytes.size() / 2));
    auto partial = collect({"symbolize", cut, "--debug-dir", target.folder / "debug"});
    CAPTURE(partial.err);
    CHECK(partial.exit_code == 3);
    std::string fresh = target.folder / "cut.symbolized." + format;
    auto verified = collect({"verify", fresh});
    CHECK(verified.exit_code == 3);
    CHECK(verified.out.find("problem") == std::string::npos);
    CHECK(collect({"show", fresh, "threads/stacks.txt"}).out.find("shop::serve") != std::string::npos);
  }
}

TEST_CASE("a copy does not vouch for what was changed in the first archive") {
  Stripped target;
  REQUIRE(run("cd " + target.folder.path() +
              " && mkdir open && tar --zstd -xf a.tar.zst -C open --strip-components=1 &&"
              " echo changed >> open/raw/host/constants"));
  auto result = collect({"symbolize", target.folder / "open", "--debug-dir", target.folder / "debug"});
  CAPTURE(result.err);
  CHECK(result.exit_code == 3);
  auto list = collect({"show", target.folder / "open.symbolized.tar.zst", "--list"});
  CHECK(list.out.find("raw/host/constants  (its hash was wrong already") != std::string::npos);
}

TEST_CASE("symbolize streams the new archive, and says what it needs") {
  Stripped target;
  auto streamed = collect({"symbolize", target.archive, "--debug-dir", target.folder / "debug", "-o", "-"});
  CHECK(streamed.exit_code == 0);
  write_text(target.folder / "streamed", streamed.out);
  CHECK(collect({"verify", target.folder / "streamed"}).exit_code == 0);
  CHECK(collect({"symbolize"}).exit_code == 2);
  CHECK(collect({"symbolize", target.archive, target.archive}).exit_code == 2);
  CHECK(collect({"symbolize", "--exe", target.folder / "prog", "-o", target.folder / "x", "0x1000"}).exit_code == 2);
  CHECK(collect({"symbolize", target.folder / "prog"}).exit_code == 1);
}
