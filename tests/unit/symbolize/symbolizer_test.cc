#include "symbolize/symbolizer.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "collector/base/unique_fd.h"
#include "symbolize/debug_file.h"
#include "symbolize/demangle.h"
#include "tests/support/elf_builder.h"
#include "tests/unit/symbolize/built_program.h"

using namespace ec;
using namespace ec::test;

namespace {

uint32_t add_file(Symbolizer& symbolizer, const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(fd);
  return symbolizer.add_module({path, 0, 0, 0, fd.get(), {}});
}

SymbolName name_in(const std::string& path, uint64_t address, int root = -1) {
  Symbolizer symbolizer(root);
  return symbolizer.name(add_file(symbolizer, path), address);
}

// Every function that nm knows has, at its first and last byte, one of the names that nm has for these bytes.
void check_against_nm(const std::string& file, const std::vector<NmSymbol>& symbols) {
  REQUIRE(symbols.size() > 20);
  std::map<uint64_t, std::set<std::string>> names;
  std::map<std::string, uint64_t> ends;
  for (const NmSymbol& symbol : symbols) {
    names[symbol.address].insert(demangle(symbol.name));
    uint64_t& end = ends[demangle(symbol.name)];
    end = std::max(end, symbol.address + symbol.size);
  }
  Symbolizer symbolizer(-1);
  uint32_t module = add_file(symbolizer, file);
  size_t wrong = 0;
  for (const NmSymbol& symbol : symbols)
    for (uint64_t address : {symbol.address, symbol.address + symbol.size - 1}) {
      SymbolName found = symbolizer.name(module, address);
      auto at = names.find(address - found.offset);
      if (at != names.end() && at->second.contains(found.name)) continue;
      if (++wrong < 5)
        UNSCOPED_INFO(std::hex << address << ": nm " << symbol.name << ", we '" << found.name << "' " << found.reason);
    }
  CHECK(wrong == 0);
}

constexpr const char* kSource = R"(
namespace shop { __attribute__((noinline)) int price(int x) { asm volatile("" : "+r"(x)); return x * 3; } }
static __attribute__((noinline)) int hidden(int x) { asm volatile("" : "+r"(x)); return shop::price(x) + 1; }
extern "C" int entry(int x) { return hidden(x) * 2; }
int main(int count, char**) { return entry(count) == 0; }
)";

// A C++ program, and the address of a function that only .symtab names.
struct Built {
  TemporaryFolder folder;
  std::string full = folder / "usr/bin/full", stripped = folder / "usr/bin/stripped", debug = folder / "full.debug";
  uint64_t hidden = 0;

  explicit Built(const std::string& flags = "") {
    write_file(folder / "usr/bin/source.cc", kSource);
    REQUIRE(
        run("c++ -O1 -g1 -rdynamic -Wl,--build-id " + flags + " -o " + full + " " + (folder / "usr/bin/source.cc")));
    for (const NmSymbol& symbol : nm_functions(full))
      if (symbol.name.find("hidden") != std::string::npos) hidden = symbol.address;
    REQUIRE(hidden != 0);
    REQUIRE(run("objcopy --only-keep-debug " + full + " " + debug));
    REQUIRE(run("strip -o " + stripped + " " + full));
  }
  std::string build_id() const {
    Symbolizer symbolizer(-1);
    return symbolizer.build_id(add_file(symbolizer, full));
  }
  UniqueFd root() const { return UniqueFd(::open(folder.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)); }
};

}  // namespace

TEST_CASE("names agree with nm for this program and for its C and C++ libraries") {
  std::string self = std::filesystem::read_symlink("/proc/self/exe");
  check_against_nm(self, nm_functions(self));
  // Functions that no sanitizer's library replaces with its own.
  for (void* function : {reinterpret_cast<void*>(&::gnu_get_libc_version), ::dlsym(RTLD_DEFAULT, "_ZSt9terminatev")}) {
    Dl_info info{};
    REQUIRE(::dladdr(function, &info) != 0);
    CAPTURE(info.dli_fname);
    check_against_nm(info.dli_fname, nm_functions(info.dli_fname, "-D"));
  }
}

TEST_CASE("names agree with addr2line") {
  Built built;
  for (const NmSymbol& symbol : nm_functions(built.full)) {
    if (symbol.name.starts_with("_dl") || symbol.name == "_init" || symbol.name == "_fini") continue;
    uint64_t address = symbol.address + symbol.size / 2;
    std::ostringstream command;
    command << "addr2line -fCe " << built.full << " " << std::hex << address;
    std::string theirs = output_of(command.str());
    SymbolName ours = name_in(built.full, address);
    CHECK(theirs.substr(0, theirs.find('\n')).substr(0, ours.name.find('(')) ==
          ours.name.substr(0, ours.name.find('(')));
    CHECK(ours.offset == symbol.size / 2);
  }
}

TEST_CASE("a static program has names") {
  Built built("-static");
  check_against_nm(built.full, nm_functions(built.full));
}

TEST_CASE("a stripped program names what it exports and says why it does not name the rest") {
  Built built;
  CHECK(name_in(built.full, built.hidden).name == "hidden(int)");
  SymbolName unknown = name_in(built.stripped, built.hidden);
  CHECK(unknown.name == "");
  CHECK(unknown.reason == "no symbol covers it, no debug file for build id " + built.build_id());
  for (const NmSymbol& symbol : nm_functions(built.stripped, "-D"))
    if (symbol.name == "entry") CHECK(name_in(built.stripped, symbol.address).name == "entry");
}

TEST_CASE("a debug file is found by build id in the target's root") {
  Built built;
  std::string id = built.build_id();
  std::string at = built.folder / ("usr/lib/debug/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug");
  write_file(at, read_whole(built.debug));
  CHECK(name_in(built.stripped, built.hidden, built.root().get()).name == "hidden(int)");

  SECTION("also through a link that is absolute within that root") {
    std::filesystem::rename(at, built.folder / "real.debug");
    std::filesystem::create_symlink("/real.debug", at);
    CHECK(name_in(built.stripped, built.hidden, built.root().get()).name == "hidden(int)");
  }
  SECTION("not when it has another build id") {
    TemporaryFolder other;
    REQUIRE(
        run("c++ -O1 -o " + (other / "other") + " -Wl,--build-id=0x12345678 " + (built.folder / "usr/bin/source.cc")));
    write_file(at, read_whole(other / "other"));
    CHECK(name_in(built.stripped, built.hidden, built.root().get()).name == "");
  }
}

TEST_CASE("a debug file is found by link and checksum") {
  Built built("-Wl,--build-id=none");
  REQUIRE(run("cd " + built.folder.path() + " && objcopy --add-gnu-debuglink=full.debug " + built.stripped));
  Symbolizer symbolizer(built.root().get());
  CHECK(symbolizer.build_id(add_file(symbolizer, built.stripped)) == "");
  auto name = [&] {
    UniqueFd root = built.root();
    Symbolizer fresh(root.get());
    UniqueFd fd(::open(built.stripped.c_str(), O_RDONLY | O_CLOEXEC));
    return fresh.name(fresh.add_module({"/usr/bin/stripped", 0, 0, 0, fd.get(), {}}), built.hidden).name;
  };
  CHECK(name() == "");
  for (const char* place : {"usr/bin/full.debug", "usr/bin/.debug/full.debug", "usr/lib/debug/usr/bin/full.debug"}) {
    CAPTURE(place);
    std::string bytes = read_whole(built.debug);
    write_file(built.folder / place, bytes);
    CHECK(name() == "hidden(int)");
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    write_file(built.folder / place, bytes);
    CHECK(name() == "");
    std::filesystem::remove(built.folder / place);
  }
}

TEST_CASE("the checksum of a debug link is the CRC-32 of zlib") {
  CHECK(debuglink_crc(ByteSource("check", std::string("123456789"))).value() == 0xcbf43926u);
}

TEST_CASE("names in .gnu_debugdata are used") {
  Built built;
  std::string mini = built.folder / "mini";
  REQUIRE(run("strip --strip-debug -o " + mini + " " + built.full + " && xz -k " + mini +
              " && objcopy --add-section .gnu_debugdata=" + mini + ".xz " + built.stripped));
  CHECK(name_in(built.stripped, built.hidden).name == "hidden(int)");

  SECTION("and a damaged one only costs the names") {
    std::string bytes = read_whole(built.stripped);
    size_t magic =
        bytes.find(std::string("\xfd"
                               "7zXZ\0",
                               6));
    REQUIRE(magic != std::string::npos);
    for (size_t at : {size_t{14}, size_t{40}, size_t{400}, size_t{1500}}) {
      std::string damaged = bytes;
      damaged[magic + at] = static_cast<char>(damaged[magic + at] ^ 0x55);
      Symbolizer symbolizer(-1);
      SymbolName found = symbolizer.name(symbolizer.add_module({"damaged", 0, 0, 0, -1, damaged}), built.hidden);
      CHECK((found.name == "" || found.name == "hidden(int)"));
      CHECK((!found.reason.empty() || !found.name.empty()));
    }
  }
}

TEST_CASE("the vdso, which has no file, is named from its bytes") {
  const auto* header = reinterpret_cast<const char*>(::getauxval(AT_SYSINFO_EHDR));
  REQUIRE(header != nullptr);
  std::string maps = read_whole("/proc/self/maps");
  size_t line = maps.rfind('\n', maps.find("[vdso]")) + 1;
  uint64_t begin = 0, end = 0;
  REQUIRE(sscanf(maps.c_str() + line, "%lx-%lx", &begin, &end) == 2);
  std::string image(header, end - begin);
  Symbolizer symbolizer(-1);
  uint32_t module = symbolizer.add_module({"[vdso]", 0, 0, 0, -1, image});
  CHECK(symbolizer.build_id(module).size() == 40);
  TemporaryFolder folder;
  write_file(folder / "vdso", image);
  std::map<uint64_t, std::set<std::string>> names;
  for (const NmSymbol& symbol : nm_functions(folder / "vdso", "-D")) names[symbol.address].insert(symbol.name);
  CHECK(names.size() > 2);
  for (const auto& [address, known] : names) CHECK(known.contains(symbolizer.name(module, address).name));
}

TEST_CASE("why there is no name") {
  Symbolizer symbolizer(-1);
  CHECK(symbolizer.name(0, 0).reason == "unknown module");
  CHECK(symbolizer.name(symbolizer.add_module({"gone", 0, 0, 0, -1, {}}), 0).reason == "the file cannot be read");
  CHECK(symbolizer.name(symbolizer.add_module({"text", 0, 0, 0, -1, "#!/bin/sh\nexit 0\n"}), 0).reason ==
        "text: expected an ELF file");
  CHECK(symbolizer
            .name(symbolizer.add_module({"cut", 0, 0, 0, -1,
                                         std::string("\x7f"
                                                     "ELF\2\1\1\0\0\0\0\0\0\0\0\0\3",
                                                     17)}),
                  0)
            .reason == "cut+0x0: expected 64 bytes, the file ends before");
  ElfBuilder builder;
  builder.text();
  uint16_t plt =
      builder.section({".plt.sec", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 0x20000, std::string(64, '\0'), 0, 0, 0});
  CHECK(plt == 2);
  uint32_t bare = symbolizer.add_module({"bare", 0, 0, 0, -1, builder.bytes()});
  CHECK(symbolizer.name(bare, 0x1000).reason == "no symbol table, no build id to find a debug file by");
  CHECK(symbolizer.name(bare, 0x20010).reason == "a call stub of the dynamic linker (.plt)");
  CHECK(symbolizer.name(bare, 0x90000).reason == "outside every section of the file");
}

// musl's functions in assembly: memset has no size, and what follows it is not exported.
TEST_CASE("a symbol without size names only its start where other functions have no symbol") {
  for (uint32_t table : {uint32_t{SHT_DYNSYM}, uint32_t{SHT_SYMTAB}}) {
    ElfBuilder builder;
    builder.text();
    builder.symbols({{"memset", 0x1100, 0}, {"sized", 0x1400, 0x20}}, table);
    Symbolizer symbolizer(-1);
    ModuleFile file;
    file.path = "libc.so";
    file.bytes = builder.bytes();
    uint32_t module = symbolizer.add_module(std::move(file));
    CHECK(symbolizer.name(module, 0x1100).name == "memset");
    CHECK(symbolizer.name(module, 0x1410).name == "sized");
    SymbolName behind = symbolizer.name(module, 0x1247);
    if (table == SHT_SYMTAB) {
      CHECK(behind.name == "memset");
    } else {
      CHECK(behind.name.empty());
      CHECK(behind.reason.find("0x147 bytes behind the start of memset") == 0);
    }
  }
}

TEST_CASE("a file that shrinks while we read only costs names") {
  Built built;
  UniqueFd fd(::open(built.full.c_str(), O_RDWR | O_CLOEXEC));
  Symbolizer symbolizer(-1);
  uint32_t module = symbolizer.add_module({built.full, 0, 0, 0, fd.get(), {}});
  uint64_t other = 0;
  for (const NmSymbol& symbol : nm_functions(built.full))
    if (symbol.name == "entry") other = symbol.address;
  CHECK(symbolizer.name(module, other).name == "entry");
  REQUIRE(::ftruncate(fd.get(), 4096) == 0);
  SymbolName after = symbolizer.name(module, built.hidden);
  CHECK(after.name == "");
  CHECK_FALSE(after.reason.empty());
}

TEST_CASE("Go's mark for assembly functions is cut off") {
  ElfBuilder builder;
  builder.text();
  builder.symbols({{"runtime.goexit.abi0", 0x1000, 8}});
  Symbolizer symbolizer(-1);
  CHECK(symbolizer.name(symbolizer.add_module({"go", 0, 0, 0, -1, builder.bytes()}), 0x1001).name == "runtime.goexit");
}
