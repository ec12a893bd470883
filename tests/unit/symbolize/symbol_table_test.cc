#include "symbolize/symbol_table.h"

#include <catch2/catch.hpp>

#include "tests/support/elf_builder.h"

using namespace ec;
using namespace ec::test;

namespace {

SymbolTable table_of(const ElfBuilder& builder, uint32_t type = SHT_SYMTAB) {
  auto elf = ElfFile::open(ByteSource("built", builder.bytes()));
  REQUIRE(elf);
  SymbolTable table;
  table.add(std::make_shared<const ElfFile>(std::move(*elf)), type);
  table.sort();
  return table;
}

std::string name_at(const SymbolTable& table, uint64_t address) {
  auto found = table.find(address);
  return found ? found->name : "";
}

SymbolTable table_with(const std::vector<BuiltSymbol>& symbols, uint16_t machine = EM_X86_64) {
  ElfBuilder builder(machine);
  builder.text();
  builder.symbols(symbols);
  return table_of(builder);
}

}  // namespace

TEST_CASE("a sized function covers its first and last byte and nothing behind it") {
  SymbolTable table = table_with({{"first", 0x1100, 0x10}, {"second", 0x1200, 0x20}});
  CHECK(name_at(table, 0x10ff) == "");
  CHECK(name_at(table, 0x1100) == "first");
  CHECK(name_at(table, 0x110f) == "first");
  CHECK(name_at(table, 0x1110) == "");
  CHECK(name_at(table, 0x121f) == "second");
  CHECK(name_at(table, UINT64_MAX) == "");
}

TEST_CASE("a symbol without size reaches to the next one, or to the end of its section") {
  SymbolTable table =
      table_with({{"_start", 0x1000, 0, STT_NOTYPE}, {"main", 0x1040, 0x10}, {"last", 0x2000, 0, STT_NOTYPE}});
  CHECK(name_at(table, 0x103f) == "_start");
  CHECK(name_at(table, 0x1045) == "main");
  CHECK(name_at(table, 0x1055) == "");
  CHECK(name_at(table, 0x10fff) == "last");
  CHECK(name_at(table, 0x11000) == "");
}

TEST_CASE("an assembler label inside a function does not hide the function") {
  SymbolTable table = table_with({{"memcpy", 0x1000, 0x100}, {"L_loop", 0x1040, 0, STT_NOTYPE, STB_LOCAL}});
  CHECK(name_at(table, 0x1050) == "memcpy");
}

TEST_CASE("the innermost of nested functions wins") {
  SymbolTable table = table_with({{"outer", 0x1000, 0x1000}, {"inner", 0x1400, 0x10}});
  CHECK(name_at(table, 0x1408) == "inner");
  CHECK(name_at(table, 0x1410) == "outer");
}

TEST_CASE("of several symbols at one address") {
  SECTION("a function before data before untyped") {
    SymbolTable table =
        table_with({{"untyped", 0x1000, 8, STT_NOTYPE}, {"data", 0x1000, 8, STT_OBJECT}, {"code", 0x1000, 8}});
    CHECK(name_at(table, 0x1004) == "code");
  }
  SECTION("not local before local, also when it is weak") {
    SymbolTable table = table_with({{"__libc_write", 0x1000, 8, STT_FUNC, STB_LOCAL},
                                    {"__write", 0x1000, 8, STT_FUNC, STB_GLOBAL},
                                    {"write", 0x1000, 8, STT_FUNC, STB_WEAK}});
    CHECK(name_at(table, 0x1004) == "write");
  }
  SECTION("the longest when underscores are equal") {
    SymbolTable table = table_with({{"open", 0x1000, 8}, {"open64", 0x1000, 8}});
    CHECK(name_at(table, 0x1000) == "open64");
  }
  SECTION("a shorter one only covers its own bytes") {
    SymbolTable table = table_with({{"stub", 0x1000, 4}, {"whole", 0x1000, 0x40, STT_FUNC, STB_LOCAL}});
    CHECK(name_at(table, 0x1002) == "stub");
    CHECK(name_at(table, 0x1020) == "whole");
  }
}

TEST_CASE("versions are cut off") {
  SymbolTable table = table_with({{"pthread_create@@GLIBC_2.34", 0x1000, 8}, {"@odd", 0x1010, 8}});
  CHECK(name_at(table, 0x1000) == "pthread_create");
  CHECK(name_at(table, 0x1010) == "@odd");
}

TEST_CASE("IFUNC resolvers are functions") {
  SymbolTable table = table_with({{"memcpy", 0x1000, 8, STT_GNU_IFUNC}});
  CHECK(name_at(table, 0x1007) == "memcpy");
}

TEST_CASE("mapping symbols are no names") {
  std::vector<BuiltSymbol> symbols{
      {"$x", 0x1000, 0, STT_NOTYPE, STB_LOCAL}, {"$d.1", 0x1100, 0, STT_NOTYPE, STB_LOCAL}, {"work", 0x1000, 0x80}};
  SymbolTable arm = table_with(symbols, EM_AARCH64);
  CHECK(name_at(arm, 0x1010) == "work");
  CHECK(name_at(arm, 0x1110) == "");
}

TEST_CASE("ends of sections, undefined, absolute and linker symbols are left out") {
  ElfBuilder builder;
  builder.text();
  uint16_t data = builder.section({".data", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, 0x20000, {}, 0x100, 0, 0});
  uint16_t warning = builder.section({".gnu.warning.gets", SHT_PROGBITS, 0, 0, "do not", 0, 0, 0});
  builder.symbols({{"_edata", 0x20000, 0, STT_NOTYPE, STB_GLOBAL, data},
                   {"counter", 0x20010, 8, STT_OBJECT, STB_GLOBAL, data},
                   {"gone", 0x1000, 8, STT_FUNC, STB_GLOBAL, SHN_UNDEF},
                   {"absolute", 0x1000, 8, STT_FUNC, STB_GLOBAL, SHN_ABS},
                   {"warning", 0, 6, STT_OBJECT, STB_LOCAL, warning}});
  SymbolTable table = table_of(builder);
  CHECK(table.size() == 1);
  CHECK(name_at(table, 0x20014) == "counter");
  CHECK(name_at(table, 0x20004) == "");
}

TEST_CASE("names outside the string table, and tables outside the file, are no names") {
  ElfBuilder builder;
  builder.text();
  builder.symbols({{"good", 0x1000, 8}});
  std::string bytes = builder.bytes();
  auto open = [](std::string image) { return ElfFile::open(ByteSource("built", std::move(image))); };

  auto elf = open(bytes);
  REQUIRE(elf);
  const ElfSection* symtab = elf->section(".symtab");
  REQUIRE(symtab != nullptr);
  std::string liar = bytes;
  uint32_t far = 0x7fffffff;
  std::memcpy(liar.data() + symtab->offset + sizeof(Elf64_Sym), &far, sizeof far);
  auto broken = open(liar);
  REQUIRE(broken);
  SymbolTable table;
  CHECK(table.add(std::make_shared<const ElfFile>(std::move(*broken)), SHT_SYMTAB) == 1);
  table.sort();
  CHECK(name_at(table, 0x1000) == "");

  for (size_t length = 0; length < bytes.size(); length += 7) {
    auto cut = open(bytes.substr(0, length));
    if (!cut) continue;
    SymbolTable small;
    small.add(std::make_shared<const ElfFile>(std::move(*cut)), SHT_SYMTAB);
    small.sort();
    (void)small.find(0x1000);
  }
}
