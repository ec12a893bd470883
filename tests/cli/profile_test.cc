// `profile` on files: what is printed, and one clear line for what cannot be.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "collector/profile/gzip.h"
#include "tests/support/place.h"
#include "tests/support/program.h"

using namespace ec::test;

namespace {

std::string fixture(const std::string& name) { return std::string(EC_FIXTURES) + "/go-pprof/" + name; }

ProgramResult profile(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "profile");
  return collect(arguments);
}

}  // namespace

TEST_CASE("bad input of profile gives one clear line") {
  struct Case {
    std::vector<std::string> arguments;
    int exit_code;
    std::string says;
  };
  TempDir folder;
  std::string broken = folder / "broken.pb.gz", heap = fixture("heap.pb.gz");
  write_text(broken, read_text(heap).substr(0, 500));
  write_text(folder / "text", "not a profile at all");
  write_text(folder / "dump", "goroutine 1 [running]:\nmain.main()\n\t/src/main.go:3 +0x1b\n");
  write_text(folder / "cut", ec::gunzip("heap", read_text(heap), 1 << 20)->substr(0, 1001));
  const Case cases[] = {
      {{}, 2, "profile: a subcommand is missing; there are top, tree"},
      {{"top"}, 2, "FILE"},
      {{"summit", heap}, 2, "profile: no subcommand 'summit'; there are top, tree"},
      {{"top", "/no/such/file"}, 1, "/no/such/file"},
      {{"top", broken}, 1, "broken.pb.gz"},
      {{"top", folder / "text"}, 1, "expected"},
      {{"top", folder / "cut"}, 1, "profile.proto: string index"},
      {{"top", folder / "dump"}, 1, "see profile goroutines"},
      {{"top", "/bin/true"}, 1, "expected a profile"},
      {{"top", folder.path()}, 1, "a folder without profiles/"},
      {{"top", "-"}, 1, "standard input: expected"},
      {{"top", heap, "--sample-index", "nothing"}, 2, "alloc_objects, alloc_space, inuse_objects, inuse_space"},
      {{"top", heap, "--focus", "("}, 2, "focus: the regular expression is refused: missing ): ("},
      {{"peek", "[", heap}, 2, "missing ]: ["},
      {{"peek", "nobody", heap}, 1, "no function matches 'nobody'"},
      {{"top", heap, "--base", heap, "--diff-base", heap}, 2, "not both"},
      {{"top", heap, "--base", fixture("goroutine.pb.gz")}, 2, "profiles that do not go together"},
      {{"diff", heap}, 2, "NEW"},
      {{"goroutines", heap}, 1, "goroutine"},
      {{"convert", heap, "-o", "/no/such/folder/x"}, 1, "/no/such/folder"},
      {{"top", heap, "--nodefraction", "7"}, 2, "7"},
  };
  for (const Case& c : cases) {
    INFO(Catch::StringMaker<std::vector<std::string>>::convert(c.arguments));
    auto result = profile(c.arguments);
    CHECK(result.exit_code == c.exit_code);
    CHECK(result.out == "");
    INFO(result.err);
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    CHECK(result.err.find(c.says) != std::string::npos);
  }
}

TEST_CASE("what is merged or converted is also had as JSON") {
  std::string heap = fixture("heap.pb.gz");
  auto one = nlohmann::json::parse(profile({"convert", heap, "--json"}).out);
  auto two = nlohmann::json::parse(profile({"merge", heap, heap, "--json"}).out);
  auto sum = [](const nlohmann::json& root) {
    int64_t all = 0;
    for (const auto& sample : root["samples"]) all += sample["values"][1].get<int64_t>();
    return all;
  };
  CHECK(sum(one) > 0);
  CHECK(sum(two) == 2 * sum(one));
}

TEST_CASE("a profile is read from standard input, and from the pipes of a shell") {
  TempDir folder;
  std::string heap = fixture("heap.pb.gz"), expected = profile({"top", heap}).out;
  auto shell = [&](const std::string& command) {
    ProgramSettings settings;
    settings.environment = {"EC=" EC_BINARY, "HEAP=" + heap};
    return run_program({"bash", "-c", command}, settings);
  };
  CHECK(shell("cat $HEAP | $EC profile top -").out == expected);
  CHECK(shell("$EC profile top - < $HEAP").out == expected);
  CHECK(shell("cat $HEAP | $EC profile top /dev/stdin").out == expected);
  CHECK(shell("$EC profile diff $HEAP <(cat $HEAP)").out == profile({"diff", heap, heap}).out);
  auto archive = shell("printf 'PK\\003\\004' | $EC profile top -");
  CHECK(archive.exit_code == 1);
  CHECK(archive.err.find("standard input: an archive is read from a file") != std::string::npos);
}

TEST_CASE("a profile less itself is nothing, and a diff of it shows no function") {
  std::string heap = fixture("heap.pb.gz");
  auto nothing = profile({"top", heap, "--base", heap});
  CHECK(nothing.exit_code == 0);
  CHECK(nothing.out.find("Showing nodes accounting for 0, 0% of 0 total\n") != std::string::npos);
  auto none = nlohmann::json::parse(profile({"diff", heap, heap, "--json"}).out);
  CHECK(none["nodes"].empty());
  CHECK(none["total"] > 0);
}

TEST_CASE("goroutines are grouped from either form") {
  auto packed = profile({"goroutines", fixture("goroutine.pb.gz")});
  CHECK(packed.out.starts_with("49 goroutines at "));
  CHECK(packed.out.find("    40 × chan receive\n         runtime.gopark\n") != std::string::npos);
  auto text = profile({"goroutines", fixture("goroutine.txt")});
  CHECK(text.exit_code == 0);
  CHECK(text.out.find("    40 × state not known\n         main.waitForReply\n") != std::string::npos);
  auto json = nlohmann::json::parse(profile({"goroutines", "--json", fixture("goroutine.pb.gz")}).out);
  CHECK(json["groups"][0]["count"] == 40);
}

TEST_CASE("a hostile name is printed as text") {
  TempDir folder;
  write_text(folder / "folded", "main;\x1b[2Jevil\x07 5\n");
  auto top = profile({"top", folder / "folded"});
  INFO(top.err);
  CHECK(top.exit_code == 0);
  CHECK(top.out.find("evil") != std::string::npos);
  CHECK(top.out.find('\x1b') == std::string::npos);
}
