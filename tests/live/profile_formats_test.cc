// Profiles and dumps of real programs, read by `profile` and by the tools that they are meant for.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/live/go_programs.h"
#include "tests/support/place.h"

using namespace ec::test;

namespace {

using Words = std::vector<std::string>;

struct Row {
  double flat = 0, flat_percent = 0, cum = 0, cum_percent = 0;
};
struct Table {
  Words order;  // names, as listed
  std::map<std::string, Row> rows;
};

// "  1492ms 74.60% 74.60%  1492ms 74.60%  hash_pages": units behind numbers are left out, and so is " (inline)".
Table table_of(const std::string& text) {
  Table table;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string flat, flat_percent, sum, cum, cum_percent, name;
    if (!(words >> flat >> flat_percent >> sum >> cum >> cum_percent) || !sum.ends_with('%') || sum == "sum%") continue;
    std::getline(words >> std::ws, name);
    name = name.substr(0, name.find(" (inline)"));
    table.order.push_back(name);
    table.rows[name] = {std::stod(flat), std::stod(flat_percent), std::stod(cum), std::stod(cum_percent)};
  }
  return table;
}

Table only(const Table& table, const Words& names) {
  Table result;
  for (const std::string& name : table.order)
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      result.order.push_back(name);
      result.rows[name] = table.rows.at(name);
    }
  return result;
}

std::string run(const Words& argv, const std::string& folder) {
  ProgramSettings settings;
  settings.directory = folder;
  settings.environment = {"TZ=UTC", "HOME=" + folder, "PPROF_TMPDIR=" + folder};
  auto result = run_program(argv, settings);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  return result.out;
}

std::string profile(Words arguments) {
  arguments.insert(arguments.begin(), "profile");
  auto result = collect(arguments);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  return result.out;
}

// The functions of tests/targets/gperftools.cc. Other names are those of libraries without debug information, for which
// google-pprof takes the nearest symbol before the address, `go tool pprof` the name of the file, and we a symbol only
// when it says that it is as long. So main is left out of the work: a sample may fall into the profiler itself, which
// main starts and asks.
const Words kWork{"spin", "hash_pages", "sort_keys", "write_log", "serve_request"};
const Words kHeap{"fill_cache", "remember_users", "load_data", "main"};

// Both round to what they print.
void check_same(const Table& ours, const Table& theirs, double precision) {
  CHECK(ours.order == theirs.order);
  REQUIRE(!theirs.rows.empty());
  for (const auto& [name, row] : theirs.rows) {
    INFO(name);
    REQUIRE(ours.rows.contains(name));
    const Row& own = ours.rows.at(name);
    CHECK(std::abs(own.flat - row.flat) <= precision);
    CHECK(std::abs(own.cum - row.cum) <= precision);
    CHECK(std::abs(own.flat_percent - row.flat_percent) <= 0.06);
    CHECK(std::abs(own.cum_percent - row.cum_percent) <= 0.06);
  }
}

// A program that is linked with gperftools has written its profiles into the folder.
std::string gperftools_profiles(const std::string& folder) {
  std::string program = std::string(EC_TARGETS_DIR) + "/gperftools";
  ProgramSettings settings;
  settings.directory = folder;
  settings.environment = {"CPUPROFILE_FREQUENCY=250", "TCMALLOC_SAMPLE_PARAMETER=65536"};
  settings.timeout = std::chrono::seconds(120);
  auto result = run_program({program, "."}, settings);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  return program;
}

struct Case {
  const char *file, *sample_index, *unit;
  const Words* names;
  double precision;  // of what google-pprof prints: samples, or a tenth of a MiB
};

void check_profile(const TempDir& folder, const std::string& program, const Case& one) {
  INFO(one.file);
  std::string file = folder / one.file, converted = folder / "converted.pb.gz";
  std::string ours = profile({"top", "--sample-index", one.sample_index, "--unit", one.unit, file});
  std::string google = run({"google-pprof", "--text", program, file}, folder.path());
  INFO(ours << google);
  check_same(only(table_of(ours), *one.names), only(table_of(google), *one.names), one.precision);

  // What we write opens there with its names, and is the same page to the letter.
  profile({"convert", file, "-o", converted});
  CHECK(run({"go", "tool", "pprof", "-top", "-symbolize=none", std::string("-sample_index=") + one.sample_index,
             std::string("-unit=") + one.unit, converted},
            folder.path()) == ours);
}

}  // namespace

TEST_CASE("a CPU profile of gperftools: the functions, the order and the figures of google-pprof and go tool pprof") {
  TempDir folder;
  const std::string program = gperftools_profiles(folder.path());
  check_profile(folder, program, {"cpu.prof", "samples", "count", &kWork, 0});
  // The file as it is. `go tool pprof` names only those symbols of the program that other files may use.
  std::string raw =
      run({"go", "tool", "pprof", "-top", "-sample_index=samples", program, folder / "cpu.prof"}, folder.path());
  INFO(raw);
  check_same(only(table_of(profile({"top", "--sample-index", "samples", folder / "cpu.prof"})), kWork),
             only(table_of(raw), kWork), 0);
}

TEST_CASE("heap profiles of gperftools: the functions, the order and the figures of google-pprof and go tool pprof") {
  TempDir folder;
  const std::string program = gperftools_profiles(folder.path());
  check_profile(folder, program, {"heap.heap", "inuse_space", "mb", &kHeap, 0.06});
  check_profile(folder, program, {"sampled.heap", "space", "mb", &kHeap, 0.06});
  check_profile(folder, program, {"growth.heap", "space", "mb", &kHeap, 0.06});
}

TEST_CASE("profile goroutines reads what a dying Go program prints") {
  std::string program = build_go("last_words", {"-trimpath"});
  TempDir folder;
  auto said = [&](const char* mode) {
    auto result = run_program({program, mode});
    std::string file = folder / (std::string(mode) + ".txt");
    std::ofstream(file) << "2026/11/21 07:25:39 a line of the log\n" << result.out << result.err << "exit status 2\n";
    return profile({"goroutines", file});
  };
  std::string panic = said("panic");
  CHECK(panic.starts_with("panic: runtime error: invalid memory address or nil pointer dereference\nsignal SIGSEGV"));
  CHECK(panic.find("in main.main  last_words/main.go:") != std::string::npos);
  std::string fatal = said("fatal");
  CHECK(fatal.starts_with("fatal error: concurrent map writes\n"));
  CHECK(fatal.find("     5 × chan receive\n         main.waitForReply  last_words/main.go:") != std::string::npos);
  CHECK(fatal.find("         created by main.startPool") != std::string::npos);
  std::string quit = said("quit");
  CHECK(quit.starts_with("SIGQUIT: quit\n"));
  CHECK(quit.find("… frames that Go left out") != std::string::npos);
  std::string dump = said("dump");
  CHECK(dump.starts_with("15 goroutines at "));
}
