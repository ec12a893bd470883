#include "symbolize/source_lines.h"

#include <fcntl.h>

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "symbolize/symbolizer.h"
#include "tests/unit/symbolize/built_program.h"

using namespace ec;
using namespace ec::test;

namespace {

constexpr const char* kSource = R"(int sink;
static inline __attribute__((always_inline)) int leaf(int x) {
  asm volatile(".globl in_leaf\nin_leaf:\nnop");
  return x + 1;
}
static inline __attribute__((always_inline)) int middle(int x) {
  return leaf(x) * 2;
}
namespace shop {
__attribute__((noinline)) int outer(int x) {
  int y = middle(x);
  sink = y;
  return y;
}
}
int main(int count, char**) { return shop::outer(count) == 0; }
)";

uint64_t address_of(const std::string& file, const std::string& name) {
  std::istringstream lines(output_of("nm --defined-only '" + file + "'"));
  for (std::string address, type, symbol; lines >> address >> type >> symbol;)
    if (symbol == name) return std::stoull(address, nullptr, 16);
  FAIL("no symbol " << name);
  return 0;
}

std::shared_ptr<const ElfFile> elf_at(const std::string& path) {
  auto fd = open_regular(-1, path);
  REQUIRE(fd);
  auto elf = ElfFile::open(ByteSource(path, std::move(*fd)));
  REQUIRE(elf);
  return std::make_shared<const ElfFile>(std::move(*elf));
}

SourcePlace source_in(const std::string& path, uint64_t address, const std::vector<std::string>& directories = {}) {
  Symbolizer symbolizer(-1, directories);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(fd);
  return symbolizer.source(symbolizer.add_module({path, 0, 0, 0, fd.get(), {}}), address);
}

SourcePlace split_source_in(const std::string& path, uint64_t address) {
  DebugPlaces places;
  places.split_files = true;
  Symbolizer symbolizer(places);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(fd);
  return symbolizer.source(symbolizer.add_module({path, 0, 0, 0, fd.get(), {}}), address);
}

void check_chain(const std::vector<SourceFrame>& frames, const std::string& source) {
  REQUIRE(frames.size() == 3);
  const char* names[] = {"leaf", "middle", "shop::outer(int)"};
  int lines[] = {3, 7, 11};
  for (size_t i = 0; i < 3; ++i) {
    CHECK(frames[i].function.substr(0, frames[i].function.find('(')) ==
          std::string(names[i]).substr(0, std::string(names[i]).find('(')));
    CHECK(frames[i].file == source);
    CHECK(frames[i].line == lines[i]);
    CHECK(frames[i].inlined == (i < 2));
  }
}

struct Program {
  TemporaryFolder folder;
  std::string source = folder / "source.cc", file = folder / "program";
  explicit Program(const std::string& compile) {
    write_file(source, kSource);
    REQUIRE(run(compile + " -Wl,--build-id -o " + file + " " + source));
  }
};

}  // namespace

TEST_CASE("an address in inlined functions has all of them with their lines") {
  for (const char* compile :
       {"c++ -O1 -g -gdwarf-5", "c++ -O1 -g -gdwarf-4", "c++ -O1 -g -gdwarf-3",
        "c++ -O1 -g -gdwarf-2 -gno-strict-dwarf", "c++ -O1 -g1", "c++ -O1 -g -gdwarf64", "c++ -O1 -g -gz=zlib",
        "c++ -O1 -g -gz=zlib-gnu", "c++ -O1 -g -ffunction-sections", "c++ -O1 -g -flto",
        "c++ -O1 -g -m32 -nostdlib -Wl,-emain -static", "clang++ -O1 -g -gdwarf-5", "clang++ -O1 -g -gdwarf-4"}) {
    if (std::string(compile).starts_with("clang") && !run("command -v clang++")) continue;
    CAPTURE(compile);
    Program program(compile);
    check_chain(source_in(program.file, address_of(program.file, "in_leaf")).frames, program.source);
  }
}

// One package of all the .dwo files, and none but the package is left.
void make_package(const std::string& file, const std::string& dwo, bool llvm) {
  REQUIRE(run((llvm ? "llvm-dwp -o " : "dwp -o ") + file + ".dwp " + dwo));
  REQUIRE(std::filesystem::remove(dwo));
}

TEST_CASE("split debug information is read from .dwo files and from a package") {
  for (const char* compile : {"c++ -O1 -g -gdwarf-5 -gsplit-dwarf", "c++ -O1 -g -gdwarf-4 -gsplit-dwarf",
                              "clang++ -O1 -g -gdwarf-5 -gsplit-dwarf", "clang++ -O1 -g -gdwarf-4 -gsplit-dwarf"}) {
    bool llvm = std::string(compile).starts_with("clang");
    CAPTURE(compile);
    TemporaryFolder folder;
    std::string source = folder / "source.cc", object = folder / "source.o", file = folder / "program";
    write_file(source, kSource);
    REQUIRE(run("cd " + folder.path() + " && " + compile + " -c " + source + " && c++ -o " + file + " " + object));
    uint64_t address = address_of(file, "in_leaf");
    // Only where the user allows it: the file says where.
    SourcePlace refused = source_in(file, address);
    CHECK(refused.reason.find("source.dwo, which is not opened") != std::string::npos);
    check_chain(split_source_in(file, address).frames, source);
    // GNU's dwp leaves out what is DWARF 5, and LLVM's 14 does not end on GCC's.
    if (llvm || std::string(compile).find("dwarf-4") != std::string::npos) {
      make_package(file, folder / "source.dwo", llvm);
      check_chain(split_source_in(file, address).frames, source);
      REQUIRE(std::filesystem::remove(file + ".dwp"));
    } else {
      REQUIRE(std::filesystem::remove(folder / "source.dwo"));
    }
    SourcePlace missing = split_source_in(file, address);
    CHECK(missing.reason.find("source.dwo, which is not here") != std::string::npos);
    REQUIRE(missing.frames.size() == 1);
    CHECK(missing.frames[0].line == 3);
  }
}

TEST_CASE("units are found without .debug_aranges") {
  Program program("c++ -O1 -g");
  uint64_t address = address_of(program.file, "in_leaf");
  REQUIRE(run("objcopy --remove-section .debug_aranges " + program.file));
  check_chain(source_in(program.file, address).frames, program.source);
}

TEST_CASE("lines come from a separate debug file in a given directory") {
  Program program("c++ -O1 -g");
  uint64_t address = address_of(program.file, "in_leaf");
  std::string stripped = program.folder / "elsewhere/program", kept = program.folder / "kept";
  write_file(kept + "/program.debug", "");
  write_file(stripped, "");
  REQUIRE(run("objcopy --only-keep-debug " + program.file + " " + kept + "/program.debug"));
  REQUIRE(run("strip -o " + stripped + " " + program.file));
  SourcePlace without = source_in(stripped, address);
  CHECK(without.frames.empty());
  CHECK(without.reason.find("no debug file") != std::string::npos);
  check_chain(source_in(stripped, address, {kept}).frames, program.source);

  // Of another build.
  Program other("c++ -O0 -g");
  REQUIRE(run("objcopy --only-keep-debug " + other.file + " " + kept + "/program.debug"));
  CHECK(source_in(stripped, address, {kept}).frames.empty());
}

TEST_CASE("a function that nothing was inlined into is one frame") {
  Program program("c++ -O0 -g");
  uint64_t address = address_of(program.file, "main");
  auto frames = source_in(program.file, address).frames;
  REQUIRE(frames.size() == 1);
  CHECK(frames[0].line == 16);
  CHECK(frames[0].function == "main");
  CHECK_FALSE(frames[0].inlined);
}

TEST_CASE("a file without debug information says so") {
  Program program("c++ -O1 -s");
  SourcePlace place = source_in(program.file, 0x1000);
  CHECK(place.frames.empty());
  CHECK_FALSE(place.reason.empty());
}

TEST_CASE("lines agree with addr2line for this program") {
  std::string self = std::filesystem::read_symlink("/proc/self/exe");
  auto symbols = nm_functions(self);
  std::mt19937_64 random(7);
  std::set<uint64_t> addresses;
  std::string input;
  for (size_t i = 0; i < 1000; ++i) {
    const NmSymbol& symbol = symbols[random() % symbols.size()];
    addresses.insert(symbol.address + random() % symbol.size);
  }
  for (uint64_t address : addresses) {
    std::ostringstream hex;
    hex << std::hex << address << '\n';
    input += hex.str();
  }
  TemporaryFolder folder;
  write_file(folder / "addresses", input);
  std::istringstream theirs(output_of("addr2line -i -s -e '" + self + "' -a < " + (folder / "addresses")));
  std::map<uint64_t, std::vector<std::string>> expected;
  uint64_t at = 0;
  for (std::string line; std::getline(theirs, line);) {
    if (line.starts_with("0x"))
      at = std::stoull(line, nullptr, 16);
    else
      expected[at].push_back(line.substr(0, line.find(" (discriminator")));
  }
  auto lines = SourceLines::open(elf_at(self), {});
  REQUIRE(lines);
  size_t different = 0;
  for (uint64_t address : addresses) {
    std::vector<std::string> ours;
    for (const SourceFrame& frame : lines->find(address))
      ours.push_back(frame.file.substr(frame.file.rfind('/') + 1) + ":" + std::to_string(frame.line));
    // addr2line knows no line of a few addresses whose units overlap.
    if (expected[address].front().starts_with("??")) continue;
    if (ours != expected[address] && ++different < 5)
      UNSCOPED_INFO(std::hex << address << ": addr2line " << expected[address].front() << ", we "
                             << (ours.empty() ? "nothing" : ours.front()));
  }
  // One in a thousand: addr2line takes the file's name from another unit's table there.
  CHECK(different <= 3);
}

TEST_CASE("a damaged file with debug information ends, with or without lines") {
  Program program("c++ -O1 -g");
  std::string whole = read_whole(program.file);
  uint64_t address = address_of(program.file, "in_leaf");
  auto elf = elf_at(program.file);
  for (const char* name : {".debug_info", ".debug_abbrev", ".debug_line", ".debug_rnglists"}) {
    const ElfSection* section = elf->section(name);
    if (!section) continue;
    for (uint64_t i = 0; i < section->size; i += std::max<uint64_t>(1, section->size / 60)) {
      std::string damaged = whole;
      damaged[section->offset + i] = static_cast<char>(damaged[section->offset + i] ^ 0xff);
      auto file = ElfFile::open(ByteSource("damaged", damaged));
      REQUIRE(file);
      if (auto lines = SourceLines::open(std::make_shared<const ElfFile>(std::move(*file)), {}))
        CHECK(lines->find(address).size() < 100);
    }
  }
}

TEST_CASE("a stripped Go program has files, lines and inlined calls") {
  if (!run("command -v go")) {
    WARN("not run here: no Go compiler");
    return;
  }
  TemporaryFolder folder;
  write_file(folder / "main.go",
             "package main\n"
             "import \"os\"\n"
             "func small(x int) int { return x*3 + len(os.Args) }\n"
             "func twice(x int) int { return small(x) + small(x+1) }\n"
             "//go:noinline\n"
             "func work(x int) int { return twice(x) }\n"
             "func main() { os.Exit(work(len(os.Args))) }\n");
  std::string go =
      "cd " + folder.path() + " && HOME=" + folder.path() + " GOCACHE=" + (folder / "cache") + " GO111MODULE=off go ";
  REQUIRE(run(go + "build -o full main.go 2>&1"));
  REQUIRE(run(go + "build -ldflags='-s -w' -o stripped main.go 2>&1"));
  std::string full = folder / "full", stripped = folder / "stripped";
  uint64_t work = address_of(full, "main.work");
  // What `go tool addr2line` says, which knows no inlined calls: the file and line of the innermost.
  size_t deepest = 0, compared = 0;
  for (const NmSymbol& symbol : nm_functions(full)) {
    if (!symbol.name.starts_with("main.")) continue;
    for (uint64_t address = symbol.address; address < symbol.address + symbol.size; ++address) {
      std::ostringstream hex;
      hex << std::hex << address;
      auto frames = source_in(stripped, address).frames;
      if (frames.empty()) continue;  // padding between functions
      if (address % 4 == 0) {
        std::string theirs = output_of("echo " + hex.str() + " | (" + go + "tool addr2line " + full + ")");
        std::string place = frames.front().file + ":" + std::to_string(frames.front().line) + "\n";
        CHECK(theirs.substr(theirs.find('\n') + 1) == place);
        ++compared;
      }
      if (address >= work && frames.size() > deepest && frames.back().function == "main.work") {
        deepest = frames.size();
        if (deepest == 3) {
          CHECK(frames[0].function == "main.small");
          CHECK(frames[0].line == 3);
          CHECK(frames[1].function == "main.twice");
          CHECK(frames[1].line == 4);
          CHECK(frames[2].line == 6);
          CHECK_FALSE(frames[2].inlined);
        }
      }
    }
  }
  CHECK(deepest == 3);
  CHECK(compared > 5);
}
