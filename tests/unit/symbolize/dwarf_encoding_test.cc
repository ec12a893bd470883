// What the reader of debug information does at the ends of what it is given, and with numbers that are too big: the
// encodings, the values, the tables of abbreviations, the headers of units.
#include <catch2/catch.hpp>

#include "symbolize/dwarf_split.h"
#include "symbolize/source_lines.h"
#include "tests/unit/symbolize/dwarf_builder.h"

using namespace ec;
using namespace ec::test;

namespace {

constexpr DwarfFormat kFormat{5, 8, 4};

DwarfValue value_of(uint16_t form, const std::string& bytes, bool& ok) {
  DwarfCursor cursor(bytes);
  DwarfValue value = read_value(cursor, form, 7, kFormat);
  ok = cursor.ok();
  return value;
}

}  // namespace

TEST_CASE("DWARF: a read past the end gives nothing and ends everything") {
  std::string bytes = "\1\2\3";
  DwarfCursor cursor(bytes);
  CHECK(cursor.u32() == 0);
  CHECK_FALSE(cursor.ok());
  CHECK(cursor.at_end());
  CHECK(cursor.u8() == 0);
  CHECK(DwarfCursor(bytes, 4).ok() == false);
  CHECK(DwarfCursor(bytes, 3).ok());
  DwarfCursor block(bytes);
  CHECK(block.block(UINT64_MAX).empty());
  CHECK_FALSE(block.ok());
  DwarfCursor text(bytes);
  CHECK(text.text().empty());
  CHECK_FALSE(text.ok());
  DwarfCursor odd(bytes);
  CHECK(odd.number(5) == 0);
  CHECK_FALSE(odd.ok());
  CHECK(DwarfCursor(bytes).number(3) == 0x030201);
}

TEST_CASE("DWARF: LEB128 numbers that are longer than 64 bits, or without an end") {
  std::string longer(30, '\x80');
  longer.front() = '\x85';
  longer += '\1';
  DwarfCursor unsigned_one(longer), signed_one(longer);
  CHECK(unsigned_one.uleb() == 5);
  CHECK(unsigned_one.at_end());
  CHECK(unsigned_one.ok());
  CHECK(signed_one.sleb() == 5);
  CHECK(signed_one.ok());
  longer.back() = '\x41';  // a sign beyond 64 bits
  CHECK(DwarfCursor(longer).sleb() == 5);
  std::string largest = std::string(9, '\xff') + '\x7f';
  CHECK(DwarfCursor(largest).uleb() == UINT64_MAX);
  CHECK(DwarfCursor(largest).sleb() == -1);
  CHECK(DwarfCursor("\x40").sleb() == -64);
  std::string endless(100, '\xff');
  DwarfCursor unsigned_end(endless), signed_end(endless);
  unsigned_end.uleb();
  CHECK_FALSE(unsigned_end.ok());
  signed_end.sleb();
  CHECK_FALSE(signed_end.ok());
}

TEST_CASE("DWARF: values that run past the end, and forms that nobody knows") {
  bool ok = true;
  for (auto [form, bytes] : std::vector<std::pair<unsigned, std::string>>{
           {DW_FORM_data8, std::string(7, '\1')},
           {DW_FORM_addr, std::string(7, '\1')},
           {DW_FORM_data16, std::string(15, '\1')},
           {DW_FORM_string, std::string("no end")},
           {DW_FORM_block1, std::string("\3ab")},
           {DW_FORM_block2, std::string("\3\0ab", 4)},
           {DW_FORM_block4, std::string("\xff\xff\xff\xff"
                                        "ab")},
           {DW_FORM_exprloc, std::string(9, '\xff') + "\x7f"
                                                      "ab"},
           {DW_FORM_strx3, std::string("ab")},
           {DW_FORM_udata, std::string("\xff")},
           // through another form: into itself, into one without a value, into none
           {DW_FORM_indirect, std::string("\x16\x16\x0b\1")},
           {DW_FORM_indirect, std::string("\x21\1")},
           {DW_FORM_indirect, std::string("\x8b\x80\x04\1")},
           {0x7e, std::string(8, '\1')}}) {
    CAPTURE(form, bytes);
    value_of(static_cast<uint16_t>(form), bytes, ok);
    CHECK_FALSE(ok);
  }
  CHECK(value_of(DW_FORM_indirect, "\x0b\x2a", ok).number == 42);
  CHECK(ok);
  CHECK(constant({DW_FORM_data8, UINT64_MAX - 1, {}}) == -1);
  CHECK(constant({DW_FORM_data8, INT64_MAX, {}}) == INT64_MAX);
  CHECK(constant({DW_FORM_block1, 5, "hello"}) == -1);
}

TEST_CASE("DWARF: a table of abbreviations that is cut off anywhere is none") {
  std::string table = abbrev_table({{1, DW_TAG_compile_unit, true, {{DW_AT_name, DW_FORM_string}}},
                                    {2, DW_TAG_subprogram, false, {{DW_AT_low_pc, DW_FORM_addr}}}});
  for (size_t size = 0; size < table.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(DwarfAbbrevs::parse(table.substr(0, size), kFormat));
  }
  CHECK(DwarfAbbrevs::parse(table, kFormat));
  // As far as the one that is asked for.
  CHECK(DwarfAbbrevs::parse(table.substr(0, 7), kFormat, 1));
  CHECK_FALSE(DwarfAbbrevs::parse(table.substr(0, 6), kFormat, 1));
}

TEST_CASE("DWARF: abbreviations out of order, twice, out of range, with numbers that are too big") {
  auto table = DwarfAbbrevs::parse(abbrev_table({{1, DW_TAG_compile_unit, true, {}},
                                                 {UINT64_MAX, 0x10011, false, {{0x10011, 0x10008}}},
                                                 {2, DW_TAG_subprogram, false, {{DW_AT_low_pc, DW_FORM_addr}}},
                                                 {1, DW_TAG_variable, false, {}}}),
                                   kFormat);
  REQUIRE(table);
  CHECK(table->find(1)->tag == DW_TAG_compile_unit);
  CHECK(table->find(2)->tag == DW_TAG_subprogram);
  CHECK(table->find(2)->size == 8);
  const DwarfAbbrev* odd = table->find(UINT64_MAX);
  REQUIRE(odd);
  CHECK(odd->tag == 0);
  CHECK(odd->size == -1);
  CHECK(table->attributes(*odd)->name == 0);
  CHECK(table->attributes(*odd)->form == 0);
  for (uint64_t code : {uint64_t{0}, uint64_t{3}, UINT64_MAX - 1, uint64_t{1} << 32})
    CHECK(table->find(code) == nullptr);
}

TEST_CASE("DWARF: text without an end, and parts outside of a section") {
  constexpr size_t kLongest = 64 * 1024;
  DwarfSection section(std::string(kLongest - 1, 'a') + '\0' + std::string(kLongest, 'b') + '\0' + "cut");
  CHECK(section.text(0).size() == kLongest - 1);
  CHECK(section.text(kLongest).empty());
  CHECK(section.text(section.size() - 3).empty());
  CHECK(section.text(section.size()).empty());
  CHECK(section.text(UINT64_MAX).empty());
  CHECK(section.at(UINT64_MAX, 8).empty());
  CHECK(section.copy(section.size() - 3, UINT64_MAX) == "cut");
  CHECK(section.part(section.size(), 0).size() == 0);
  CHECK(section.part(section.size() - 3, 3).size() == 3);
  CHECK(section.part(section.size() - 3, 4).size() == 0);
  CHECK(section.part(UINT64_MAX, 2).size() == 0);
  CHECK(section.part(2, UINT64_MAX).size() == 0);
}

TEST_CASE("DWARF: the header of a unit that is cut off anywhere is none") {
  std::string skeleton = DwarfBytes().u32(100).u16(5).u8(DW_UT_skeleton).u8(8).u32(0x10).u64(0x1234);
  std::string type = DwarfBytes().u32(100).u16(5).u8(DW_UT_type).u8(8).u32(0x10).u64(0x1234).u32(20);
  std::string wide = DwarfBytes().u32(0xffffffff).u64(100).u16(4).u64(0x10).u8(8);
  for (const std::string& whole : {unit_4(""), unit_5(""), skeleton, type, wide}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(whole, size);
      CHECK_FALSE(parse_unit_header(std::string_view(whole).substr(0, size), 0));
    }
    auto header = parse_unit_header(whole, 1000);
    REQUIRE(header);
    CHECK(header->root == 1000 + whole.size());
  }
  CHECK(parse_unit_header(skeleton, 0)->split_id == 0x1234);
}

TEST_CASE("DWARF: headers of units with a version, a size or an address size that there is not") {
  auto header = [](uint64_t length, unsigned version, unsigned address_size, uint64_t offset = 0) {
    return parse_unit_header(std::string(DwarfBytes().u32(length).u16(version).u32(0).u8(address_size)), offset);
  };
  CHECK(header(7, 4, 8));
  for (unsigned version : {0, 1, 6, 0xffff}) CHECK_FALSE(header(100, version, 8));
  for (unsigned size : {0, 1, 2, 3, 5, 16, 255}) CHECK_FALSE(header(100, 4, size));
  for (uint64_t length : {0u, 6u}) CHECK_FALSE(header(length, 4, 8));                    // its own header does not fit
  for (uint64_t length : {0xfffffff0u, 0xfffffffeu}) CHECK_FALSE(header(length, 4, 8));  // reserved
  auto wide = [](uint64_t length, uint64_t offset) {
    return parse_unit_header(std::string(DwarfBytes().u32(0xffffffff).u64(length).u16(4).u64(0).u8(8)), offset);
  };
  CHECK(wide(11, 0));
  CHECK_FALSE(wide(10, 0));
  CHECK(wide(UINT64_MAX - 12, 0));
  CHECK_FALSE(wide(UINT64_MAX - 11, 0));
  CHECK_FALSE(wide(UINT64_MAX - 100, 100));
}

TEST_CASE("DWARF: the list of units ends at one that is damaged or goes past the section") {
  std::string unit = unit_4(std::string(1, '\0'));
  CHECK(image_of(unit + unit + unit, "").units().size() == 3);
  std::string longer = unit;
  longer[0] = static_cast<char>(longer[0] + 1);
  CHECK(image_of(unit + unit + longer, "").units().size() == 2);
  CHECK(image_of(unit + unit_4("").replace(4, 1, "\6") + unit, "").units().size() == 1);
  CHECK(image_of(unit + std::string(64, '\0'), "").units().size() == 1);
  DwarfImage image = image_of(unit + unit, "");
  CHECK(image.unit_at(0) == nullptr);  // in a header there is no entry
  CHECK(image.unit_at(kUnit4Header)->offset == 0);
  CHECK(image.unit_at(unit.size() + kUnit4Header)->offset == unit.size());
  CHECK(image.unit_at(2 * unit.size()) == nullptr);
  CHECK(image.unit_at(UINT64_MAX) == nullptr);
}

TEST_CASE("DWARF: no more than a million units of a file are listed") {
  std::string unit = unit_4(""), all;
  all.reserve(1'000'100 * unit.size());
  for (int i = 0; i < 1'000'100; ++i) all += unit;
  CHECK(image_of(all, "").units().size() == 1'000'000);
}

TEST_CASE("DWARF: compressed sections that would unpack to more than 256 MiB are left alone") {
  for (uint64_t size : {uint64_t{300} << 20, UINT64_MAX}) {
    std::string packed;
    append_raw(packed, Elf64_Chdr{ELFCOMPRESS_ZLIB, 0, size, 1});
    packed += std::string(100, 'x');
    ElfBuilder elf;
    elf.text();
    elf.section({".debug_info", SHT_PROGBITS, SHF_COMPRESSED, 0, packed, 0, 0, 0});
    auto file = ElfFile::open(ByteSource("bomb", elf.bytes()));
    REQUIRE(file);
    auto lines = SourceLines::open(std::make_shared<const ElfFile>(std::move(*file)), {});
    REQUIRE_FALSE(lines);
    CHECK(lines.error().code == ErrorCode::kSkipped);
  }
}

TEST_CASE("DWARF: the index of a package that is damaged has no unit") {
  constexpr uint64_t kId = 0x1122334455667788;
  struct Index {
    uint32_t version = 5, columns = 2, units = 1, slots = 2, row = 1;
    size_t cut = 0;
    uint64_t id = kId;
  };
  auto found = [](const Index& of) {
    DwarfBytes bytes;
    bytes.u32(of.version).u32(of.columns).u32(of.units).u32(of.slots);
    // As much as small numbers promise.
    uint32_t slots = std::min(of.slots, 8u), columns = std::min(of.columns, 32u);
    for (uint32_t i = 0; i < slots; ++i) bytes.u64(of.id);
    for (uint32_t i = 0; i < slots; ++i) bytes.u32(of.row);
    for (uint32_t i = 0; i < columns; ++i) bytes.u32(i == 0 ? uint32_t{DW_SECT_INFO} : DW_SECT_ABBREV + i - 1);
    for (uint32_t i = 0; i < 2 * columns; ++i) bytes.u32(10 * (i + 1));
    std::string whole = bytes;
    return find_in_package(std::string_view(whole).substr(0, whole.size() - of.cut), kId);
  };
  auto whole = found({});
  REQUIRE(whole);
  CHECK(whole->parts[DW_SECT_ABBREV].offset == 20);
  CHECK(whole->parts[DW_SECT_ABBREV].size == 40);
  CHECK_FALSE(found({.version = 3}));
  CHECK_FALSE(found({.columns = 17}));
  CHECK_FALSE(found({.units = UINT32_MAX}));
  CHECK_FALSE(found({.slots = 0}));
  CHECK_FALSE(found({.slots = 3}));
  CHECK_FALSE(found({.slots = 0x80000000}));
  CHECK_FALSE(found({.row = 2}));
  CHECK_FALSE(found({.row = 0}));
  CHECK_FALSE(found({.cut = 1}));
  CHECK_FALSE(found({.id = kId + 1}));  // no slot is empty, and none is its
}
