// `profile` beside `go tool pprof`, on profiles of a Go server that are taken here and now.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/live/go_programs.h"
#include "tests/support/place.h"

using namespace ec::test;

namespace {

using Words = std::vector<std::string>;

// Two sets of profiles of one server, one after the other, in archives and as files.
class Taken {
 public:
  Taken() : server_({build_go("pprof_server", {}), "-busy"}) {
    std::string ready = server_.wait_for_line("ready ");
    REQUIRE(!ready.empty());
    for (const char* name : {"old", "new"}) {
      auto result =
          collect({"--pid", std::to_string(server_.pid()), "--endpoint", "http://" + ready.substr(ready.rfind(' ') + 1),
                   "--profile-seconds", "2", "--only", "endpoint", "-q", "-o", archive(name)});
      INFO(result.err);
      REQUIRE((result.exit_code == 0 || result.exit_code == 3));
    }
  }

  std::string archive(const std::string& set) const { return folder_ / (set + ".tar.gz"); }
  // The file of one profile, as the server gave it.
  std::string file(const std::string& set, const std::string& profile) const {
    std::string path = folder_ / (set + "-" + profile + ".pb.gz");
    if (!read_text(path).empty()) return path;
    std::string listed = collect({"show", archive(set), "--list"}).out;
    size_t end = listed.find("/" + profile + ".pb.gz");
    INFO(listed);
    REQUIRE(end != std::string::npos);
    size_t begin = listed.rfind("profiles/", end);
    write_text(path, collect({"show", archive(set), listed.substr(begin, end - begin) + "/" + profile + ".pb.gz"}).out);
    return path;
  }

  // One place and one time zone for both; nothing is looked for, and nothing is left behind.
  ProgramSettings settings() const {
    ProgramSettings settings;
    settings.directory = folder_.path();
    settings.environment = {"TZ=UTC", "HOME=" + folder_.path(), "PPROF_TMPDIR=" + folder_.path(),
                            "PPROF_BINARY_PATH=" + (folder_ / "none")};
    return settings;
  }
  std::string ours(Words arguments) const {
    arguments.insert(arguments.begin(), "profile");
    auto result = collect(arguments, settings());
    CHECK(result.err == "");
    CHECK(result.exit_code == 0);
    return result.out;
  }
  // Names as they are in the profile: of a profile without samples Go says that the program has no functions, and then
  // pprof reads them from the file of the program again, some without what is inlined.
  std::string theirs(Words arguments) const {
    arguments.insert(arguments.begin(), {"go", "tool", "pprof", "-symbolize=none"});
    auto result = run_program(arguments, settings());
    INFO(result.err);
    CHECK(result.exit_code == 0);
    return result.out;
  }
  const TempDir& folder() const { return folder_; }

 private:
  TempDir folder_;
  BackgroundProgram server_;
};

// Without spaces at the ends of lines. Calls of one function that weigh the same, but for their sign, come in any order
// from go tool pprof (its comparison says of none of 2 and -2 that it is before the other): they are sorted here.
Words lines(const std::string& text) {
  Words all;
  size_t calls = 0;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    line.erase(line.find_last_not_of(" \t") + 1);
    all.push_back(line);
    begin = end + 1;
    calls = line.find(" |   ") == std::string::npos ? 0 : calls + 1;
    std::sort(all.end() - static_cast<std::ptrdiff_t>(calls), all.end());
  }
  return all;
}

// The first lines that differ, "" when none does.
std::string difference(const std::string& ours, const std::string& theirs) {
  Words a = lines(ours), b = lines(theirs);
  size_t most = std::max(a.size(), b.size());
  a.resize(most), b.resize(most);
  auto [first, second] = std::mismatch(a.begin(), a.end(), b.begin());
  return first == a.end() ? "" : "ours:   " + *first + "\ntheirs: " + *second + "\n" + ours + theirs;
}

Words joined(Words first, const Words& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

struct Kind {
  const char* profile;
  Words sample_types;
};
const Kind kKinds[] = {
    {"profile", {"samples", "cpu"}},     {"heap", {"alloc_objects", "alloc_space", "inuse_objects", "inuse_space"}},
    {"allocs", {"", "inuse_space"}},     {"goroutine", {""}},
    {"mutex", {"contentions", "delay"}}, {"block", {"contentions", "delay"}},
};

}  // namespace

TEST_CASE("profile prints the functions, the order and the numbers of go tool pprof") {
  Taken taken;
  auto compare = [&](const Words& ours, const Words& theirs) {
    INFO(Catch::StringMaker<Words>::convert(ours));
    std::string expected = taken.theirs(theirs);
    CHECK(lines(expected).size() > 4);
    CHECK(difference(taken.ours(ours), expected) == "");
  };
  for (const Kind& kind : kKinds) {
    std::string old_file = taken.file("old", kind.profile), new_file = taken.file("new", kind.profile);
    for (const std::string& type : kind.sample_types) {
      Words index = type.empty() ? Words{} : Words{"--sample-index", type};
      Words their_index = type.empty() ? Words{} : Words{"-sample_index", type};
      auto both = [&](const Words& ours, const Words& theirs) {
        compare(joined(ours, index), joined(joined({theirs[0]}, their_index), {theirs.begin() + 1, theirs.end()}));
      };
      both({"top", new_file}, {"-top", new_file});
      both({"diff", old_file, new_file}, {"-top", "-diff_base", old_file, new_file});
      both({"tree", new_file, "--base", old_file}, {"-tree", "-base", old_file, new_file});
      if (type != kind.sample_types.back()) continue;
      both({"top", "--cum", new_file}, {"-top", "-cum", new_file});
      both({"top", old_file, new_file}, {"-top", old_file, new_file});
      both({"top", new_file, "--base", old_file}, {"-top", "-base", old_file, new_file});
      both({"tree", new_file}, {"-tree", new_file});
    }
  }
  // Goroutines are there however little the server gets to run.
  std::string all = taken.file("new", "goroutine");
  compare({"top", all, "--focus", "main\\.|net/http"}, {"-top", "-focus=main\\.|net/http", all});
  compare({"top", all, "--ignore", "main\\.waitFor"}, {"-top", "-ignore=main\\.waitFor", all});
  compare({"top", all, "--hide", "^runtime", "--cum"}, {"-top", "-hide=^runtime", "-cum", all});
  compare({"top", all, "--show", "^(main|sync)\\."}, {"-top", "-show=^(main|sync)\\.", all});
  compare({"top", all, "--nodecount", "3"}, {"-top", "-nodecount=3", all});
  compare({"top", all, "--nodefraction", "0.05"}, {"-top", "-nodefraction=0.05", all});
  compare({"tree", all, "--nodecount", "5"}, {"-tree", "-nodecount=5", all});
  compare({"peek", "waitForLock|gopark", all}, {"-peek", "waitForLock|gopark", all});
  std::string cpu = taken.file("new", "profile"), heap = taken.file("new", "heap");
  compare({"top", cpu, "--unit", "us"}, {"-top", "-unit=us", cpu});
  compare({"top", heap, "--unit", "MB"}, {"-top", "-unit=MB", heap});
}

TEST_CASE("profiles that are written open in go tool pprof and say the same") {
  Taken taken;
  std::string merged = taken.folder() / "merged.pb.gz", converted = taken.folder() / "converted.pb.gz";
  for (const char* kind : {"profile", "heap", "mutex"}) {
    INFO(kind);
    std::string old_file = taken.file("old", kind), new_file = taken.file("new", kind);
    taken.ours({"merge", old_file, new_file, "-o", merged});
    CHECK(difference(taken.theirs({"-top", merged}), taken.theirs({"-top", old_file, new_file})) == "");
    taken.ours({"convert", new_file, "-o", converted});
    CHECK(difference(taken.theirs({"-raw", converted}), taken.theirs({"-raw", new_file})) == "");
    taken.ours({"convert", new_file, "--diff-base", old_file, "-o", converted});
    CHECK(lines(taken.theirs({"-top", converted})) == lines(taken.theirs({"-top", "-diff_base", old_file, new_file})));
  }
}

TEST_CASE("a profile is found inside an archive by the end of its path") {
  Taken taken;
  std::string archive = taken.archive("new");
  CHECK(taken.ours({"top", archive + ":heap"}) == taken.ours({"top", taken.file("new", "heap")}));
  CHECK(taken.ours({"top", archive + ":heap.pb.gz"}) == taken.ours({"top", taken.file("new", "heap")}));
  CHECK(taken.ours({"diff", taken.archive("old") + ":heap", archive + ":heap"}) ==
        taken.ours({"diff", taken.file("old", "heap"), taken.file("new", "heap")}));
  CHECK(taken.ours({"goroutines", archive + ":goroutine"}).find("× chan receive\n") != std::string::npos);

  auto top = nlohmann::json::parse(taken.ours({"top", archive + ":profile", "--json"}));
  CHECK(top["unit"] == "nanoseconds");
  auto goroutines = nlohmann::json::parse(taken.ours({"top", archive + ":goroutine", "--json"}));
  CHECK(goroutines["nodes"].size() > 3);
  auto stacks = nlohmann::json::parse(taken.ours({"folded", archive + ":profile", "--json"}))["stacks"];
  int64_t sum = 0;
  for (const auto& stack : stacks) sum += stack["value"].get<int64_t>();
  CHECK(sum == top["total"].get<int64_t>());

  auto none = collect({"profile", "top", archive + ":nothing"});
  CHECK(none.exit_code == 2);
  CHECK(none.err.find("no profile 'nothing'; there are profiles/") != std::string::npos);
  auto all = collect({"profile", "top", archive});
  CHECK(all.exit_code == 2);
  CHECK(all.err.find("which profile? Add one after a colon: profiles/") != std::string::npos);
}
