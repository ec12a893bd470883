// Debug information in other forms than GCC leaves it: shared by dwz(1), compressed, split. What is said of every
// address is compared with llvm-symbolizer and with what the plain form says.
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "symbolize/source_lines.h"
#include "tests/support/place.h"
#include "tests/unit/symbolize/built_program.h"

using namespace ec;
using namespace ec::test;

namespace {

constexpr const char* kSource = R"(#include <map>
#include <string>
#include <cstdlib>
static inline __attribute__((always_inline)) int twice(int a) { return a * 2 + rand(); }
static __attribute__((noinline)) int NAME(std::map<std::string, int>& m, int n) {
  m[std::to_string(n)] = twice(n);
  return static_cast<int>(m.size());
}
int main(int c, char**) {
  std::map<std::string, int> m;
  return NAME(m, c) + NAME(m, twice(c));
}
)";

// `compile` makes "program" and "other", which is for dwz to share something with.
struct Programs {
  TemporaryFolder folder;
  std::string file = folder / "program";
  explicit Programs(const std::string& compile) {
    std::string source = kSource, other = source;
    auto rename = [](std::string& text, const std::string& name) {
      for (size_t at; (at = text.find("NAME")) != std::string::npos;) text.replace(at, 4, name);
    };
    rename(source, "work");
    rename(other, "toil");
    write_file(folder / "program.cc", source);
    write_file(folder / "other.cc", other);
    for (const char* name : {"program", "other"}) REQUIRE(sh(compile + " -o " + name + " " + name + ".cc"));
  }
  bool sh(const std::string& command) const { return run("cd " + folder.path() + " && " + command); }
};

std::vector<uint64_t> addresses_in(const std::string& file) {
  std::vector<uint64_t> addresses;
  for (const NmSymbol& symbol : nm_functions(file))
    for (uint64_t at = 0; at < symbol.size && symbol.name.starts_with("_Z"); at += 3)
      addresses.push_back(symbol.address + at);
  for (const NmSymbol& symbol : nm_functions(file))
    if (symbol.name == "main")
      for (uint64_t at = 0; at < symbol.size; at += 3) addresses.push_back(symbol.address + at);
  return addresses;
}

// One line an address: "function file:line" of each, innermost first; the outermost without its name, which is often
// that of the symbol.
std::vector<std::string> ours(const std::string& file, const DebugPlaces& places, std::string* missing = nullptr) {
  auto elf = ElfFile::open(ByteSource(file, UniqueFd(::open(file.c_str(), O_RDONLY | O_CLOEXEC))));
  REQUIRE(elf);
  auto lines = SourceLines::open(std::make_shared<const ElfFile>(std::move(*elf)), places);
  std::vector<std::string> answers;
  if (!lines) {
    if (missing) *missing = lines.error().detail;
    return answers;
  }
  for (uint64_t address : addresses_in(file)) {
    std::string& answer = answers.emplace_back();
    for (const SourceFrame& frame : lines->find(address))
      answer += (frame.inlined ? frame.function.substr(0, frame.function.find('(')) : "") + " " + frame.file + ":" +
                std::to_string(frame.line) + "\n";
  }
  if (missing) *missing = lines->missing();
  return answers;
}

// "file:line" of each.
std::vector<std::string> places_by_llvm(const std::string& file) {
  std::string input;
  auto addresses = addresses_in(file);
  for (uint64_t address : addresses) input += fmt::format("{:#x}\n", address);
  write_file(file + ".input", input);
  std::istringstream lines(
      output_of("llvm-symbolizer --output-style=LLVM -i --functions=none --obj=" + file + " < " + file + ".input"));
  std::vector<std::string> answers;
  std::string answer;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) {
      answers.push_back(std::move(answer));
      answer.clear();
    } else if (!line.starts_with("??")) {
      answer += line.substr(0, line.rfind(':')) + "\n";
    }
  }
  return answers;
}

std::vector<std::string> places_of(const std::vector<std::string>& answers) {
  std::vector<std::string> places;
  for (const std::string& answer : answers) {
    std::string& place = places.emplace_back();
    std::istringstream lines(answer);
    for (std::string line; std::getline(lines, line);) place += line.substr(line.rfind(' ') + 1) + "\n";
  }
  return places;
}

void check_against_llvm(const std::vector<std::string>& answers, const std::string& file) {
  auto theirs = places_by_llvm(file);
  auto places = places_of(answers);
  REQUIRE(places.size() == theirs.size());
  REQUIRE(places.size() > 100);
  size_t different = 0;
  for (size_t i = 0; i < places.size(); ++i) different += places[i] != theirs[i];
  CHECK(different <= places.size() / 100);
}

}  // namespace

TEST_CASE("what dwz moved to a common file is found there, and missed by its build id") {
  if (!run("command -v dwz && command -v llvm-symbolizer")) return not_run_here("needs dwz and llvm-symbolizer");
  for (const char* version : {"-gdwarf-4", "-gdwarf-5"}) {
    Programs programs(std::string("g++ -O1 -g ") + version);
    auto plain = ours(programs.file, {});
    check_against_llvm(plain, programs.file);
    REQUIRE(programs.sh("mkdir .dwz && dwz -m .dwz/common -M ../elsewhere/common program other"));
    DebugPlaces places;
    std::string missing;
    CHECK(ours(programs.file, places, &missing) != plain);
    CHECK(missing.find("build id") != std::string::npos);
    places.directories = {programs.folder.path()};
    CHECK(ours(programs.file, places, &missing) == plain);
    CHECK(missing.empty());
  }
}

TEST_CASE("compressed debug information says the same") {
  if (!run("command -v llvm-symbolizer")) return not_run_here("needs llvm-symbolizer");
  Programs programs("g++ -O1 -g -gdwarf-4");
  auto plain = ours(programs.file, {});
  for (const char* form : {"zlib", "zlib-gnu"}) {
    REQUIRE(programs.sh(std::string("cp program packed && objcopy --compress-debug-sections=") + form + " packed"));
    CHECK(ours(programs.folder / "packed", {}) == plain);
  }
  check_against_llvm(plain, programs.file);

  // As zstd would be marked, which neither binutils nor libdw of Debian 12 write or read.
  REQUIRE(programs.sh("cp program packed && objcopy --compress-debug-sections=zlib packed"));
  std::string file = programs.folder / "packed", bytes = read_whole(file), missing;
  auto elf = ElfFile::open(ByteSource(file, bytes));
  REQUIRE(elf);
  for (const ElfSection& section : elf->sections())
    if (section.flags & SHF_COMPRESSED) bytes[section.offset] = 2;
  write_file(file, bytes);
  CHECK(ours(file, {}, &missing).empty());
  CHECK(missing == "debug information compressed with zstd");
}

TEST_CASE("split debug information is read where the user allows it") {
  if (!run("command -v llvm-symbolizer")) return not_run_here("needs llvm-symbolizer");
  for (const char* compile :
       {"g++ -O1 -g -gdwarf-5 -gsplit-dwarf", "g++ -O1 -g -gdwarf-4 -gsplit-dwarf", "clang++ -O1 -g -gsplit-dwarf"}) {
    CAPTURE(compile);
    if (!run("command -v " + std::string(compile).substr(0, std::string(compile).find(' ')))) continue;
    Programs programs(compile);
    DebugPlaces places;
    std::string missing;
    auto skeleton = ours(programs.file, places, &missing);
    CHECK(missing.find(".dwo, which is not opened") != std::string::npos);
    places.split_files = true;
    auto whole = ours(programs.file, places, &missing);
    CHECK(whole != skeleton);
    CHECK(missing.empty());
    check_against_llvm(whole, programs.file);
    REQUIRE(programs.sh("rm *.dwo"));
    CHECK(ours(programs.file, places, &missing) == skeleton);
    CHECK(missing.find(".dwo, which is not here") != std::string::npos);
  }
}
