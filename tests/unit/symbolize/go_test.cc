#include <catch2/catch.hpp>

#include "symbolize/go_buildinfo.h"
#include "symbolize/go_pclntab.h"
#include "symbolize/go_table_place.h"
#include "tests/support/elf_builder.h"
#include "tests/unit/symbolize/built_program.h"

using namespace ec;
using namespace ec::test;

namespace {

const std::string kFixtures = EC_FIXTURES "/elf/";

std::optional<std::string> no_memory(uint64_t, uint64_t) { return std::nullopt; }

// Two functions, main.alpha at 0x1000 and main.beta at 0x1080, up to 0x1100, as each layout has them.
std::string pclntab(uint32_t magic) {
  constexpr uint64_t kText = 0x1000;
  std::string table, names = std::string("main.alpha\0main.beta\0", 21);
  append_raw(table, magic);
  table += std::string("\0\0\1\10", 4);
  auto word = [&](uint64_t value) { append_raw(table, value); };
  auto half = [&](uint32_t value) { append_raw(table, value); };
  if (magic == 0xfffffff0 || magic == 0xfffffff1) {
    constexpr uint64_t kNames = 72, kIndex = 96;
    for (uint64_t value : {uint64_t{2}, uint64_t{0}, kText, kNames, uint64_t{0}, uint64_t{0}, uint64_t{0}, kIndex})
      word(value);
    table += names;
    table.resize(kIndex);
    for (uint32_t value : {0u, 20u, 0x80u, 28u, 0x100u}) half(value);  // index, with the end
    for (uint32_t value : {0u, 0u, 0x80u, 11u}) half(value);           // functions: entry, name
  } else if (magic == 0xfffffffa) {
    constexpr uint64_t kNames = 64, kIndex = 88;
    for (uint64_t value : {uint64_t{2}, uint64_t{0}, kNames, uint64_t{0}, uint64_t{0}, uint64_t{0}, kIndex})
      word(value);
    table += names;
    table.resize(kIndex);
    for (uint64_t value : {kText, uint64_t{40}, kText + 0x80, uint64_t{56}, kText + 0x100}) word(value);
    for (uint64_t value : {kText, uint64_t{0}, kText + 0x80, uint64_t{11}}) word(value);
  } else {
    word(2);
    for (uint64_t value : {kText, uint64_t{56}, kText + 0x80, uint64_t{72}, kText + 0x100}) word(value);
    for (uint64_t value : {kText, uint64_t{88}, kText + 0x80, uint64_t{99}}) word(value);
    table += names;
  }
  return table;
}

std::shared_ptr<const ElfFile> with_pclntab(const std::string& table) {
  ElfBuilder builder;
  builder.text();
  builder.section({".gopclntab", SHT_PROGBITS, SHF_ALLOC, 0x30000, table, 0, 0, 0});
  auto elf = ElfFile::open(ByteSource("go", builder.bytes()));
  REQUIRE(elf);
  return std::make_shared<const ElfFile>(std::move(*elf));
}

}  // namespace

TEST_CASE("the table of Go functions is found among the constants of an external linker") {
  std::string head;
  append_raw(head, 0xfffffff0u);
  head += std::string("\0\0\1\10", 4);
  for (uint64_t value : {2, 0, 0, 72, 80, 88, 96, 104}) append_raw(head, value);
  head.resize(200);
  auto place = [&](const std::string& bytes, const char* mark) {
    ElfBuilder builder;
    builder.text();
    builder.section({".data.rel.ro", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 0x30008, bytes, 0, 0, 0});
    builder.section({mark, SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 0x40000, "", 0, 0, 0});
    auto elf = ElfFile::open(ByteSource("go", builder.bytes()));
    REQUIRE(elf);
    auto found = find_go_table(*elf);
    return found ? found->address : 0;
  };
  std::string before(0x58, '\x01');  // the table is at a multiple of 32 in memory
  CHECK(place(before + head, ".go.buildinfo") == 0x30060);
  CHECK(place(before + head, ".something") == 0);
  CHECK(place(before + "12345678" + head, ".go.buildinfo") == 0);
  std::string other = head;
  other[56] = 1;  // an offset before the one that it must follow
  CHECK(place(before + other, ".go.buildinfo") == 0);
  CHECK(place(before + head.substr(0, 70), ".go.buildinfo") == 0);
}

TEST_CASE("function names of every pclntab layout") {
  uint32_t magic = GENERATE(0xfffffffbu, 0xfffffffau, 0xfffffff0u, 0xfffffff1u);
  INFO(std::hex << magic);
  auto functions = GoFunctions::find(with_pclntab(pclntab(magic)));
  REQUIRE(functions);
  CHECK(functions->size() == 2);
  CHECK_FALSE(functions->find(0xfff));
  auto name = [&](uint64_t address) {
    auto found = functions->find(address);
    return found ? found->name : std::string{};
  };
  CHECK(name(0x1000) == "main.alpha");
  CHECK(name(0x107f) == "main.alpha");
  CHECK(name(0x1080) == "main.beta");
  CHECK(functions->find(0x1090)->address == 0x1080);
  CHECK_FALSE(functions->find(0x1100));
}

TEST_CASE("a pclntab that is cut or of an unknown layout gives no names") {
  CHECK_FALSE(GoFunctions::find(with_pclntab(pclntab(0xfffffff2))));
  std::string whole = pclntab(0xfffffff1);
  for (size_t length = 0; length < whole.size(); ++length) {
    auto functions = GoFunctions::find(with_pclntab(whole.substr(0, length)));
    if (functions) CHECK_FALSE(functions->find(0x1080));
  }
}

TEST_CASE("build information of Go 1.18 and later holds its strings") {
  auto text = parse_go_buildinfo(read_whole(kFixtures + "go-1.19.buildinfo"), no_memory);
  REQUIRE(text);
  CHECK(text->version == "go1.19.8");
  GoBuildInfo info = parse_go_modules(text->version, text->modules);
  CHECK(info.version == "1.19.8");
  CHECK(info.path == "example.com/parked");
  CHECK(info.module == "example.com/parked");
  CHECK(info.module_version == "(devel)");
  CHECK(info.settings.at("GOOS") == "linux");
  CHECK(info.settings.at("CGO_ENABLED") == "1");
}

TEST_CASE("build information before Go 1.18 points to its strings") {
  std::string section("\xff Go buildinf:", 14);
  section += std::string("\10\0", 2);  // pointers of 8 bytes, little endian
  append_raw(section, uint64_t{0x5000});
  append_raw(section, uint64_t{0x5010});
  section.resize(64);
  std::string version = "go1.17.13";
  std::string modules = std::string(16, 's') + "path\tcommand-line-arguments\nmod\texample.com/old\tv1.2.3\th1:x=\n" +
                        std::string(16, 'e');
  auto memory = [&](uint64_t address, uint64_t length) -> std::optional<std::string> {
    std::string header;
    if (address == 0x5000)
      append_raw(header, uint64_t{0x6000}), append_raw(header, uint64_t{version.size()});
    else if (address == 0x5010)
      append_raw(header, uint64_t{0x7000}), append_raw(header, uint64_t{modules.size()});
    else if (address == 0x6000)
      header = version;
    else if (address == 0x7000)
      header = modules;
    return header.size() == length ? std::optional(header) : std::nullopt;
  };
  auto text = parse_go_buildinfo(section, memory);
  REQUIRE(text);
  CHECK(text->version == "go1.17.13");
  GoBuildInfo info = parse_go_modules(text->version, text->modules);
  CHECK(info.module == "example.com/old");
  CHECK(info.module_version == "v1.2.3");
}

TEST_CASE("malformed Go build information is told apart from none") {
  std::string whole = read_whole(kFixtures + "go-1.19.buildinfo");
  REQUIRE(whole.size() > 100);
  CHECK(parse_go_buildinfo("", no_memory).error().code == ErrorCode::kNotFound);
  CHECK(parse_go_buildinfo(std::string(4096, '\xff'), no_memory).error().code == ErrorCode::kNotFound);
  CHECK(parse_go_buildinfo(whole.substr(0, 40), no_memory).error().code == ErrorCode::kMalformed);
  std::string endless = whole.substr(0, 32) + std::string(64, '\xff');
  CHECK(parse_go_buildinfo(endless, no_memory).error().code == ErrorCode::kMalformed);
  std::string pointers = whole;
  pointers[15] = 0;
  CHECK(parse_go_buildinfo(pointers, no_memory).error().code == ErrorCode::kMalformed);
}

TEST_CASE("a boringcrypto mark is no part of the Go version") {
  CHECK(parse_go_modules("go1.21.0 X:boringcrypto", "").version == "1.21.0");
  CHECK(parse_go_modules("devel +abc", "").version == "devel");
}
