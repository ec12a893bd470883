// What units refer to: addresses, strings, range lists, other entries. All of it may point anywhere.
#include <catch2/catch.hpp>

#include "symbolize/dwarf_names.h"
#include "symbolize/dwarf_scopes.h"
#include "symbolize/source_lines.h"
#include "tests/unit/symbolize/dwarf_builder.h"

using namespace ec;
using namespace ec::test;

namespace {

constexpr size_t kMost = 1000;

DwarfUnit first_unit(DwarfImage& image) {
  REQUIRE_FALSE(image.units().empty());
  return DwarfUnit(image, image.units().front(), nullptr);
}

// Of a unit of version 5 whose range list this is, which takes `looked_at` steps.
std::vector<AddressRange> ranges_of_list(const std::string& list, size_t most = kMost, size_t* looked_at = nullptr) {
  DwarfImage image = image_of(unit_5(DwarfBytes().uleb(1).u32(0)),
                              abbrev_table({{1, DW_TAG_compile_unit, false, {{DW_AT_ranges, DW_FORM_sec_offset}}}}));
  image.rnglists = DwarfSection(list);
  DwarfUnit unit = first_unit(image);
  std::vector<AddressRange> out;
  size_t count = 0;
  unit.ranges(unit.extent, most, looked_at ? *looked_at : count, out);
  return out;
}

// Entries that refer to one another: [1] a function whose origin is at this offset in the unit, [2] the same with a
// name, [3] one with a name only; behind the first entry of the unit.
const std::vector<BuiltAbbrev> kReferring{
    {1, DW_TAG_subprogram, false, {{DW_AT_abstract_origin, DW_FORM_ref4}}},
    {2, DW_TAG_subprogram, false, {{DW_AT_specification, DW_FORM_ref_addr}}},
    {3, DW_TAG_subprogram, false, {{DW_AT_name, DW_FORM_string}}},
    {4, DW_TAG_subprogram, false, {{DW_AT_abstract_origin, DW_FORM_GNU_ref_alt}}},
    {5, DW_TAG_subprogram, false, {{DW_AT_abstract_origin, DW_FORM_ref_sig8}}},
    {6, DW_TAG_compile_unit, true, {}},
    {7, DW_TAG_subprogram, false, {{DW_AT_name, DW_FORM_strp}}},
};

std::string name_at(const std::string& entries, uint64_t at) {
  DwarfImage image = image_of(unit_4(DwarfBytes().uleb(6).bytes(entries)), abbrev_table(kReferring));
  DwarfUnit unit = first_unit(image);
  REQUIRE(unit.load());
  DwarfNames names(false);
  return std::string(names.of(unit, at).text);
}
constexpr uint64_t kFirst = kUnit4Header + 1;

// A chain of `length` references to an entry with a name.
std::string name_through(size_t length) {
  DwarfBytes entries;
  for (size_t i = 1; i <= length; ++i) entries.uleb(1).u32(kFirst + 5 * i);
  return name_at(entries.uleb(3).text("found"), kFirst);
}

const std::vector<BuiltAbbrev> kNested{
    {1, DW_TAG_compile_unit, true, {}},
    {2, DW_TAG_subprogram, true, {{DW_AT_low_pc, DW_FORM_addr}, {DW_AT_high_pc, DW_FORM_data4}}},
    {3, DW_TAG_inlined_subroutine, true, {{DW_AT_low_pc, DW_FORM_addr}, {DW_AT_high_pc, DW_FORM_data4}}},
    {4, DW_TAG_array_type, true, {{DW_AT_sibling, DW_FORM_ref4}}},
    {5, DW_TAG_variable, false, {{DW_AT_name, DW_FORM_string}}},
};

std::string function_at(uint64_t low, uint32_t size, unsigned code = 2) {
  return DwarfBytes().uleb(code).u64(low).u32(size);
}

DwarfScopes scopes_of(const std::string& entries) {
  DwarfImage image = image_of(unit_4(DwarfBytes().uleb(1).bytes(entries)), abbrev_table(kNested));
  DwarfUnit unit = first_unit(image);
  REQUIRE(unit.load());
  DwarfScopes scopes;
  scopes.read(unit);
  return scopes;
}

}  // namespace

TEST_CASE("DWARF: indexes outside of the tables of addresses and strings give nothing") {
  std::string abbrevs = abbrev_table({{1,
                                       DW_TAG_compile_unit,
                                       false,
                                       {{DW_AT_low_pc, DW_FORM_addrx},
                                        {DW_AT_high_pc, DW_FORM_data4},
                                        {DW_AT_comp_dir, DW_FORM_strx},
                                        {DW_AT_addr_base, DW_FORM_sec_offset},
                                        {DW_AT_str_offsets_base, DW_FORM_sec_offset}}}});
  struct Given {
    uint64_t index;
    uint32_t base;
    bool found;
  };
  for (Given given : {Given{1, 8, true},
                      {2, 8, false},
                      {UINT64_MAX, 8, false},
                      {UINT64_MAX / 8 + 2, 8, false},
                      {UINT64_MAX / 4 + 2, 8, false},
                      {0, 0xfffffff0, false}}) {
    CAPTURE(given.index, given.base);
    DwarfImage image = image_of(
        unit_5(DwarfBytes().uleb(1).uleb(given.index).u32(16).uleb(given.index).u32(given.base).u32(given.base)),
        abbrevs);
    image.addr = DwarfSection(DwarfBytes().u64(0).u64(0x1000).u64(0x2000));
    image.str_offsets = DwarfSection(DwarfBytes().u64(0).u32(0).u32(4));
    image.str = DwarfSection(DwarfBytes().bytes("one").u8(0).text("two"));
    DwarfUnit unit = first_unit(image);
    CHECK(unit.compiled_in == (given.found ? "two" : ""));
    std::vector<AddressRange> out;
    size_t looked_at = 0;
    unit.ranges(unit.extent, kMost, looked_at, out);
    CHECK(out.size() == (given.found ? 1 : 0));
  }
}

TEST_CASE("DWARF: an offset in a table of strings that is outside of the strings gives none") {
  std::string abbrevs = abbrev_table(
      {{1, DW_TAG_compile_unit, false, {{DW_AT_comp_dir, DW_FORM_strx1}, {DW_AT_dwo_name, DW_FORM_strp}}}});
  DwarfImage image = image_of(unit_5(DwarfBytes().uleb(1).u8(0).u32(0xffffffff)), abbrevs);
  image.str_offsets = DwarfSection(DwarfBytes().u64(0).u32(1000));
  image.str = DwarfSection(DwarfBytes().text("text"));
  DwarfUnit unit = first_unit(image);
  CHECK(unit.tag == DW_TAG_compile_unit);
  CHECK(unit.compiled_in.empty());
  CHECK(unit.split_name.empty());
}

TEST_CASE("DWARF: a first entry is read up to what runs past its unit, or past 64 KiB") {
  std::string abbrevs = abbrev_table(
      {{1,
        DW_TAG_compile_unit,
        false,
        {{DW_AT_stmt_list, DW_FORM_data4}, {DW_AT_producer, DW_FORM_string}, {DW_AT_comp_dir, DW_FORM_string}}}});
  auto folder = [&](size_t length, const std::string& end) {
    DwarfImage image = image_of(unit_5(DwarfBytes().uleb(1).u32(5).text(std::string(length, 'p')).bytes(end)) +
                                    std::string(DwarfBytes().text(" of the next unit")),
                                abbrevs);
    DwarfUnit unit = first_unit(image);
    CHECK(unit.tag == DW_TAG_compile_unit);
    CHECK(unit.line_offset == 5);
    return unit.compiled_in;
  };
  CHECK(folder(1000, DwarfBytes().text("/src")) == "/src");
  CHECK(folder(100, "/src").empty());  // no NUL in this unit
  CHECK(folder(70'000, DwarfBytes().text("/src")).empty());
}

TEST_CASE("DWARF: a unit whose first entry has a shape that is not there is none") {
  std::string abbrevs = abbrev_table({{1, DW_TAG_compile_unit, false, {}}});
  for (const std::string& entry : {std::string(DwarfBytes().uleb(2)), std::string(1, '\0'), std::string("\xff")}) {
    DwarfImage image = image_of(unit_5(entry), abbrevs);
    CHECK(first_unit(image).tag == 0);
  }
  DwarfImage elsewhere = image_of(unit_5(DwarfBytes().uleb(1), 0xffffffff), abbrevs);
  CHECK(first_unit(elsewhere).tag == 0);
  CHECK_FALSE(first_unit(elsewhere).load());
}

TEST_CASE("DWARF: a table of abbreviations that is longer than 4 MiB is not read, nor more than all may have") {
  std::string attributes = DwarfBytes().uleb(1).uleb(DW_TAG_subprogram).u8(0);
  attributes.resize(5u << 20, '\1');
  DwarfImage image = image_of(unit_5(DwarfBytes().uleb(1)), attributes + std::string(8, '\0'));
  CHECK(image.abbrevs_of(image.units().front()) == nullptr);

  // Tables of nearly that length that begin at each byte of one another.
  attributes.resize(3u << 20);
  image.abbrev = DwarfSection(std::string(200, '\1') + attributes + std::string(8, '\0'));
  DwarfUnitHeader header = image.units().front();
  size_t found = 0;
  for (header.abbrevs = 0; header.abbrevs < 200; ++header.abbrevs) found += image.abbrevs_of(header) != nullptr;
  CHECK(found > 0);
  CHECK(found < 10);
  CHECK(image.weight() < (200u << 20));
  image.forget();
  header.abbrevs = 0;
  CHECK(image.abbrevs_of(header) != nullptr);
}

TEST_CASE("DWARF: a unit of more than 512 MiB is not loaded") {
  DwarfImage image = image_of(unit_5(DwarfBytes().uleb(1)), abbrev_table({{1, DW_TAG_compile_unit, false, {}}}));
  DwarfUnitHeader header = image.units().front();
  CHECK(DwarfUnit(image, header, nullptr).load());
  header.end = header.offset + (uint64_t{512} << 20) + 1;
  CHECK_FALSE(DwarfUnit(image, header, nullptr).load());
}

TEST_CASE("DWARF: range lists without an end, with unknown entries, or outside of their section") {
  std::string one = DwarfBytes().u8(DW_RLE_start_end).u64(0x1000).u64(0x2000);
  std::string end(1, DW_RLE_end_of_list);
  CHECK(ranges_of_list(one + end + one).size() == 1);
  CHECK(ranges_of_list(one + one).size() == 2);
  CHECK(ranges_of_list(one + "\x55" + one).size() == 1);
  CHECK(ranges_of_list("").empty());
  for (size_t size = 0; size < one.size(); ++size) CHECK(ranges_of_list(one.substr(0, size)).empty());
  // A length without an end, which begins as one of 127.
  CHECK(ranges_of_list(DwarfBytes().u8(DW_RLE_start_length).u64(0x1000).u8(0xff)).empty());
  // From the end to the start, from 0, of no length, and past the end of memory.
  CHECK(ranges_of_list(DwarfBytes().u8(DW_RLE_start_end).u64(0x2000).u64(0x1000)).empty());
  CHECK(ranges_of_list(DwarfBytes().u8(DW_RLE_start_length).u64(0).uleb(16)).empty());
  CHECK(ranges_of_list(DwarfBytes().u8(DW_RLE_start_length).u64(0x1000).uleb(0)).empty());
  CHECK(ranges_of_list(DwarfBytes().u8(DW_RLE_start_length).u64(UINT64_MAX).uleb(16)).empty());
  // There is no table of addresses that they could mean.
  for (unsigned kind : {DW_RLE_startx_endx, DW_RLE_startx_length, DW_RLE_base_addressx})
    CHECK(ranges_of_list(DwarfBytes().u8(kind).uleb(1).uleb(5)).empty());
}

TEST_CASE("DWARF: entries of range lists are counted, whether they are empty or not") {
  std::string all;
  for (int i = 0; i < 100; ++i) all += DwarfBytes().u8(DW_RLE_start_length).u64(0x1000).uleb(i % 2 == 0 ? 0 : 16);
  size_t looked_at = 0;
  CHECK(ranges_of_list(all, 10, &looked_at).size() == 5);
  CHECK(looked_at == 10);
  CHECK(ranges_of_list(all, 10, &looked_at).empty());  // nothing is left of what all may have
  looked_at = 0;
  CHECK(ranges_of_list(all, kMost, &looked_at).size() == 50);
  CHECK(looked_at == 100);

  DwarfImage image = image_of(unit_4(DwarfBytes().uleb(1).u32(0)),
                              abbrev_table({{1, DW_TAG_compile_unit, false, {{DW_AT_ranges, DW_FORM_sec_offset}}}}));
  DwarfBytes old;
  for (uint64_t i = 0; i < 100; ++i) old.u64(0x1000).u64(i % 2 == 0 ? 0x1000 : 0x2000);
  image.ranges = DwarfSection(old);
  DwarfUnit unit = first_unit(image);
  std::vector<AddressRange> out;
  looked_at = 0;
  unit.ranges(unit.extent, 10, looked_at, out);
  CHECK(out.size() == 5);
  CHECK(looked_at == 10);
}

TEST_CASE("DWARF: many units that share one long list of empty ranges end") {
  std::string abbrevs =
      abbrev_table({{1, DW_TAG_compile_unit, false, {{DW_AT_ranges, DW_FORM_sec_offset}}},
                    {2,
                     DW_TAG_compile_unit,
                     false,
                     {{DW_AT_low_pc, DW_FORM_addr}, {DW_AT_high_pc, DW_FORM_data4}, {DW_AT_name, DW_FORM_string}}}});
  std::string info, list(3'000'000, '\0');
  for (size_t i = 0; i < list.size(); i += 3) list[i] = DW_RLE_offset_pair;
  for (int i = 0; i < 20'000; ++i) info += unit_5(DwarfBytes().uleb(1).u32(0));
  ElfBuilder elf;
  elf.text();
  elf.section({".debug_info", SHT_PROGBITS, 0, 0, info, 0, 0, 0});
  elf.section({".debug_abbrev", SHT_PROGBITS, 0, 0, abbrevs, 0, 0, 0});
  elf.section({".debug_rnglists", SHT_PROGBITS, 0, 0, list, 0, 0, 0});
  auto file = ElfFile::open(ByteSource("shared", elf.bytes()));
  REQUIRE(file);
  auto lines = SourceLines::open(std::make_shared<const ElfFile>(std::move(*file)), {});
  REQUIRE(lines);
  CHECK(lines->find(0x1000).empty());
}

TEST_CASE("DWARF: names of entries that refer to themselves, in circles, too far, or to nothing") {
  CHECK(name_through(1) == "found");
  CHECK(name_through(16) == "found");
  CHECK(name_through(17).empty());
  CHECK(name_at(DwarfBytes().uleb(1).u32(kFirst), kFirst).empty());
  // There and back, in the two ways to count.
  CHECK(name_at(DwarfBytes().uleb(1).u32(kFirst + 5).uleb(2).u32(kFirst), kFirst).empty());
  for (uint64_t to : {uint64_t{0}, uint64_t{kFirst + 5}, uint64_t{0xffffffff}})
    for (unsigned code : {1u, 2u}) CHECK(name_at(DwarfBytes().uleb(code).u32(to), kFirst).empty());
  CHECK(name_at(DwarfBytes().uleb(4).u32(kFirst), kFirst).empty());  // there is no file of dwz
  CHECK(name_at(DwarfBytes().uleb(5).u64(kFirst), kFirst).empty());
  CHECK(name_at(DwarfBytes().uleb(3).bytes("no end"), kFirst).empty());
  CHECK(name_at(DwarfBytes().uleb(7).u32(0xffffffff), kFirst).empty());
  CHECK(name_at(DwarfBytes().uleb(99), kFirst).empty());
}

TEST_CASE("DWARF: a reference that counts from its unit does not reach into the next") {
  std::string first = unit_4(DwarfBytes().uleb(6).uleb(1).u32(kFirst + 5 + kFirst));
  std::string next = unit_4(DwarfBytes().uleb(6).uleb(3).text("of another"));
  DwarfImage image = image_of(first + next, abbrev_table(kReferring));
  DwarfUnit unit = first_unit(image);
  REQUIRE(unit.load());
  DwarfNames names(false);
  CHECK(names.of(unit, kFirst).text.empty());
  // Where it would have been.
  DwarfUnit other(image, image.units().back(), nullptr);
  REQUIRE(other.load());
  CHECK(names.of(other, kFirst + 5 + kFirst).text == "of another");
}

TEST_CASE("DWARF: entries that are nested too deep end the walk, and what came before stays") {
  std::string deep = function_at(0x1000, 0x1000);
  for (int i = 0; i < 600; ++i) deep += function_at(0x1000, 0x800, 3);
  DwarfScopes scopes = scopes_of(function_at(0x5000, 16) + std::string(1, '\0') + deep);
  CHECK(scopes.innermost(0x5000) == 0);
  CHECK(scopes.size() == 513);  // 511 below the two that are at the top
  size_t depth = 0;
  for (int scope = scopes.innermost(0x1000); scope >= 0; scope = scopes[scope].parent) ++depth;
  CHECK(depth == 512);
  CHECK(scopes.innermost(0x1fff) == 1);
}

TEST_CASE("DWARF: a sibling that lies behind, or outside of its unit, is not followed") {
  std::string function = function_at(0x1000, 16), ends(3, '\0');
  for (uint64_t sibling : {uint64_t{0}, uint64_t{kFirst}, uint64_t{kFirst + 5}, uint64_t{0xffffffff}}) {
    CAPTURE(sibling);
    DwarfScopes scopes =
        scopes_of(DwarfBytes().uleb(4).u32(sibling).bytes(std::string(1, '\0')).bytes(function + ends));
    CHECK(scopes.size() == 1);
    CHECK(scopes.innermost(0x1008) == 0);
  }
}

TEST_CASE("DWARF: an unknown abbreviation, or a value past the end, ends the walk of a unit") {
  std::string function = function_at(0x1000, 16) + '\0', after = function_at(0x2000, 16) + '\0';
  CHECK(scopes_of(function + after + '\0').size() == 2);
  CHECK(scopes_of(function + after).size() == 2);
  CHECK(scopes_of(function + "\x63" + after).size() == 1);
  CHECK(scopes_of(function + std::string(DwarfBytes().uleb(5).bytes("no end"))).size() == 1);
  CHECK(scopes_of(function + after.substr(0, 8)).size() == 1);
  CHECK(scopes_of(function + '\0' + after).size() == 1);  // the unit is over
  CHECK(scopes_of(function + '\0' + '\1' + after).size() == 1);
}
