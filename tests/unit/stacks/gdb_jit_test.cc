// A list of objects for debuggers in a memory made by hand.
#include "collector/stacks/gdb_jit.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "tests/support/elf_builder.h"

namespace ec {

namespace {

using test::append_raw;

constexpr uint64_t kBase = 0x10000;

struct Memory {
  std::string bytes;
  int reads = 0;

  uint64_t end() const { return kBase + bytes.size(); }
  void words(std::initializer_list<uint64_t> words) {
    for (uint64_t word : words) append_raw(bytes, word);
  }
  ReadTarget reader() {
    return [this](uint64_t address, void* destination, size_t size) -> size_t {
      ++reads;
      if (address < kBase || address - kBase >= bytes.size()) return 0;
      size = std::min<size_t>(size, bytes.size() - (address - kBase));
      std::memcpy(destination, bytes.data() + (address - kBase), size);
      return size;
    };
  }
};

std::string object(const std::string& name, uint64_t code) {
  test::ElfBuilder builder(EM_X86_64, ET_REL);
  builder.section({".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, code, std::string(32, '\x90'), 0, 0, 0});
  builder.symbols({{name, 0, 32}});
  std::string bytes = builder.bytes();
  bytes.resize((bytes.size() + 7) / 8 * 8);
  return bytes;
}

// A descriptor, entries for these objects in this order, the objects.
Memory list_of(const std::vector<std::string>& objects) {
  Memory memory;
  memory.words({1, 0, objects.empty() ? 0 : kBase + 24});
  uint64_t at = kBase + 24 + objects.size() * 32;
  for (size_t i = 0; i < objects.size(); ++i) {
    memory.words({i + 1 < objects.size() ? kBase + 24 + (i + 1) * 32 : 0, 0, at, objects[i].size()});
    at += objects[i].size();
  }
  for (const std::string& each : objects) memory.bytes += each;
  return memory;
}

JitObjects objects_in(Memory& memory) {
  JitObjects objects(memory.reader());
  objects.add_list(kBase, Deadline::never());
  return objects;
}

JitNames names(Memory& memory, const std::vector<uint64_t>& addresses) {
  JitObjects objects = objects_in(memory);
  return names_in_jit_objects(objects, addresses);
}

}  // namespace

TEST_CASE("each object of the list names its code, the first one before those behind it") {
  Memory memory = list_of({object("newer", 0x7000), object("older", 0x7000), object("other", 0x9000)});
  auto found = names(memory, {0x7008, 0x9000, 0x9020});
  CHECK(found.size() == 2);
  CHECK(found[0x7008].name == "newer");
  CHECK(found[0x9000].name == "other");
}

TEST_CASE("an empty list, another version and no memory name nothing") {
  Memory empty = list_of({});
  CHECK(names(empty, {0x7000}).empty());
  Memory version = list_of({object("f", 0x7000)});
  version.bytes[0] = 2;
  CHECK(names(version, {0x7000}).empty());
  Memory none;
  CHECK(names(none, {0x7000}).empty());
}

TEST_CASE("a list in a circle ends, and what it holds is read once") {
  Memory memory = list_of({object("a", 0x7000), object("b", 0x8000)});
  uint64_t first = kBase + 24;
  std::memcpy(memory.bytes.data() + 24 + 32, &first, sizeof first);
  CHECK(names(memory, {0x1234}).empty());
  CHECK(memory.reads <= 8);
}

TEST_CASE("an object is read once, and only when one of its addresses is asked for") {
  Memory memory = list_of({object("a", 0x7000), object("b", 0x8000)});
  JitObjects objects = objects_in(memory);
  int listed = memory.reads;
  CHECK(objects.at(0x6fff) == nullptr);
  CHECK(objects.at(0x7020) == nullptr);
  CHECK(memory.reads == listed);
  JitObject* first = objects.at(0x7000);
  REQUIRE(first);
  CHECK(objects.at(0x701f) == first);
  CHECK(memory.reads == listed + 1);
  CHECK(objects.at(0x8000) != first);
}

TEST_CASE("of objects that overlap the first one of the list counts, whole or in part") {
  Memory memory = list_of({object("newer", 0x7010), object("older", 0x7000)});
  auto found = names(memory, {0x7000, 0x700f, 0x7010, 0x701f, 0x7020});
  CHECK(found[0x7000].name == "older");
  CHECK(found[0x700f].name == "older");
  CHECK(found[0x7010].name == "newer");
  CHECK(found[0x7020].name == "newer");
}

TEST_CASE("sizes that a target lies about are not believed") {
  for (uint64_t size : {uint64_t{0}, UINT64_MAX, uint64_t{1} << 40, uint64_t{64} << 20, uint64_t{1} << 20}) {
    Memory memory = list_of({object("a", 0x7000), object("b", 0x8000)});
    std::memcpy(memory.bytes.data() + 24 + 24, &size, sizeof size);
    auto found = names(memory, {0x7000, 0x8000});
    CHECK(found.count(0x7000) == 0);
    CHECK(found[0x8000].name == "b");
  }
}

TEST_CASE("every damaged byte of a list is survived") {
  Memory whole = list_of({object("a", 0x7000)});
  for (size_t at = 0; at < whole.bytes.size(); ++at)
    for (char value : {'\0', '\x7f', '\xff'}) {
      Memory memory = whole;
      memory.bytes[at] = value;
      names(memory, {0x7000, 0x8000});
    }
}

TEST_CASE("the descriptor is found by its name, where a file defines it") {
  auto in = [](const std::vector<test::BuiltSymbol>& symbols, uint32_t type) {
    test::ElfBuilder builder;
    builder.text();
    builder.symbols(symbols, type);
    auto file = ElfFile::open(ByteSource("file", builder.bytes()));
    REQUIRE(file);
    return jit_descriptor_in(*file);
  };
  for (uint32_t type : {SHT_SYMTAB, SHT_DYNSYM}) {
    CHECK(in({{"main", 0x1000, 1}, {"__jit_debug_descriptor", 0x5000, 24, STT_OBJECT}}, type) == 0x5000);
    CHECK_FALSE(in({{"__jit_debug_descriptor", 0, 0, STT_OBJECT, STB_GLOBAL, SHN_UNDEF}}, type));
    CHECK_FALSE(in({{"__jit_debug_descriptor2", 0x5000, 24, STT_OBJECT}}, type));
  }
}

}  // namespace ec
