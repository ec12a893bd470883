// Line programs that are cut off, too long, or compute nonsense.
#include "symbolize/dwarf_lines.h"

#include <catch2/catch.hpp>
#include <memory>
#include <optional>

#include "tests/unit/symbolize/dwarf_builder.h"

using namespace ec;
using namespace ec::test;

namespace {

struct LineProgram {
  unsigned version = 4, line_range = 14, opcode_base = 13;
  int header_off = 0;                             // added to the length of the header
  std::optional<uint64_t> length = std::nullopt;  // instead of the real one
  std::string tables = DwarfBytes().u8(0).text("a.c").uleb(0).uleb(0).uleb(0).u8(0);
  std::string code = {};

  std::string bytes() const {
    DwarfBytes rest;
    rest.u8(1);                          // size of an instruction
    if (version >= 4) rest.u8(1);        // operations
    rest.u8(1).u8(0xfb).u8(line_range);  // is a statement; lines from -5 on
    rest.u8(opcode_base);
    constexpr unsigned kOperands[] = {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1};
    for (unsigned i = 1; i < opcode_base; ++i) rest.u8(i <= 12 ? kOperands[i - 1] : 1);
    rest.bytes(tables);
    DwarfBytes body;
    body.u16(version);
    if (version >= 5) body.u8(8).u8(0);
    body.u32(rest.size() + static_cast<uint64_t>(header_off)).bytes(rest).bytes(code);
    return DwarfBytes().u32(length.value_or(body.size())).bytes(body);
  }
};

const std::string kEnd = DwarfBytes().u8(0).uleb(1).u8(DW_LNE_end_sequence);
std::string at_address(uint64_t address) { return DwarfBytes().u8(0).uleb(9).u8(DW_LNE_set_address).u64(address); }
// Line 1 from this address on, 16 bytes.
std::string sequence(uint64_t address) {
  return at_address(address) + std::string(DwarfBytes().u8(DW_LNS_copy).u8(DW_LNS_advance_pc).uleb(16)) + kEnd;
}

struct Read {
  DwarfImage image;
  DwarfUnit unit;
  DwarfLines lines;
};

std::unique_ptr<Read> read_bytes(const std::string& bytes, uint64_t offset = 0) {
  auto read = std::make_unique<Read>();
  read->image = image_of(unit_4(DwarfBytes().uleb(1)), abbrev_table({{1, DW_TAG_compile_unit, false, {}}}));
  read->image.line = DwarfSection(bytes);
  read->unit = DwarfUnit(read->image, read->image.units().front(), nullptr);
  read->lines.read(read->unit, read->image, offset, true);
  return read;
}
std::unique_ptr<Read> read_program(const LineProgram& program) { return read_bytes(program.bytes()); }
int line_at(Read& read, uint64_t address) {
  const LineRow* row = read.lines.find(address);
  return row ? static_cast<int>(row->line) : -1;
}

}  // namespace

TEST_CASE("DWARF lines: a program that is cut off anywhere has what was whole") {
  std::string whole = LineProgram{.code = sequence(0x1000) + sequence(0x2000)}.bytes();
  size_t header = LineProgram{}.bytes().size(), first = sequence(0x1000).size();
  for (size_t size = 0; size <= whole.size(); ++size) {
    CAPTURE(size);
    auto read = read_bytes(whole.substr(0, size));
    CHECK(read->lines.empty() == (size < header));
    CHECK(line_at(*read, 0x1008) == (size >= header + first ? 1 : -1));
    CHECK(line_at(*read, 0x2008) == (size == whole.size() ? 1 : -1));
  }
  CHECK(read_bytes(whole, whole.size())->lines.empty());
  CHECK(read_bytes(whole, UINT64_MAX)->lines.empty());
}

TEST_CASE("DWARF lines: a length of nothing, too much, or more than there is") {
  LineProgram program{.code = sequence(0x1000)};
  program.length = 0;
  CHECK(read_program(program)->lines.empty());
  program.length = 0x10000;  // the section ends before that
  CHECK(line_at(*read_program(program), 0x1008) == 1);
  program.length = (256u << 20) + 1;
  CHECK(read_program(program)->lines.empty());
  program.length = 0xfffffff0;
  CHECK(read_program(program)->lines.empty());
  program.length = 0xffffffff;  // the 64-bit length is that of the other format, and nonsense
  CHECK(read_program(program)->lines.empty());
}

TEST_CASE("DWARF lines: headers that are refused") {
  std::string code = sequence(0x1000);
  CHECK_FALSE(read_program({.code = code})->lines.empty());
  for (unsigned version : {0u, 1u, 6u, 0xffffu}) CHECK(read_program({.version = version, .code = code})->lines.empty());
  CHECK(read_program({.line_range = 0, .code = code})->lines.empty());
  CHECK(read_program({.header_off = 1000, .code = code})->lines.empty());
  CHECK(read_program({.header_off = -5, .code = code})->lines.empty());    // the tables do not fit into it
  CHECK(read_program({.header_off = -500, .code = code})->lines.empty());  // 4 GiB
  // Tables of files without an end.
  CHECK(read_program({.tables = "folder", .code = {}})->lines.empty());
  CHECK(read_program({.tables = DwarfBytes().u8(0).bytes("file"), .code = {}})->lines.empty());
}

TEST_CASE("DWARF lines: tables of files of version 5 that promise more than there is") {
  auto read = [](const std::string& folders, const std::string& files) {
    LineProgram program{.version = 5, .code = sequence(0x1000)};
    program.tables = folders + files;
    return read_program(program)->lines.empty();
  };
  std::string column = DwarfBytes().u8(1).uleb(DW_LNCT_path).uleb(DW_FORM_string);
  std::string none(2, '\0'), one = column + std::string(DwarfBytes().uleb(1).text("a"));
  CHECK_FALSE(read(one, one));
  CHECK_FALSE(read(none, one));
  CHECK(read(one, column + std::string(DwarfBytes().uleb(2).text("a"))));
  CHECK(read(one, column + std::string(DwarfBytes().uleb(UINT64_MAX).text("a"))));
  CHECK(read(one, DwarfBytes().u8(0).uleb(1)));    // a row without columns
  CHECK(read(one, DwarfBytes().u8(200).uleb(1)));  // more columns than bytes
  CHECK(read(one, DwarfBytes().u8(1).uleb(DW_LNCT_path).uleb(0x1000b).uleb(1).text("a")));
  // Rows that take no bytes.
  std::string empty = DwarfBytes().u8(1).uleb(0x2001).uleb(DW_FORM_flag_present);
  CHECK_FALSE(read(one, empty + std::string(DwarfBytes().uleb(200'000))));
  CHECK(read(one, empty + std::string(DwarfBytes().uleb(200'001))));
}

TEST_CASE("DWARF lines: indexes of files and folders that are not there have no name") {
  LineProgram program{.code = sequence(0x1000)};
  program.tables = DwarfBytes().u8(0).text("a.c").uleb(99).uleb(0).uleb(0).u8(0);
  auto read = read_program(program);
  CHECK(read->lines.file(1) == "a.c");
  for (uint64_t index : {uint64_t{0}, uint64_t{2}, UINT64_MAX}) CHECK(read->lines.file(index).empty());
}

TEST_CASE("DWARF lines: opcodes whose operands run past the end, or are of odd sizes") {
  for (const std::string& code : {std::string(DwarfBytes().u8(0).uleb(100).u8(DW_LNE_set_address)),
                                  std::string(DwarfBytes().u8(0).uleb(UINT64_MAX)),
                                  std::string(DwarfBytes().u8(DW_LNS_advance_pc).bytes("\xff\xff")),
                                  std::string(1, DW_LNS_fixed_advance_pc), std::string(1, '\0')}) {
    auto read = read_program({.code = sequence(0x1000) + at_address(0x2000) + code});
    CHECK(line_at(*read, 0x1008) == 1);
    CHECK(read->lines.find(0x2000) == nullptr);
  }
  // An extended opcode of no length is passed over; an address of nine bytes is none.
  CHECK(line_at(*read_program({.code = std::string(2, '\0') + sequence(0x1000)}), 0x1008) == 1);
  std::string nine = DwarfBytes().u8(0).uleb(10).u8(DW_LNE_set_address).u64(0x1000).u8(0);
  CHECK(read_program({.code = nine + sequence(0x1000).substr(at_address(0).size())})->lines.find(0x1008) == nullptr);
}

TEST_CASE("DWARF lines: sequences without an end, at 0, of no length, or backwards") {
  std::string copy(1, DW_LNS_copy);
  auto endless = read_program({.code = at_address(0x1000) + copy + copy});
  CHECK(endless->lines.find(0x1000) == nullptr);
  CHECK(endless->lines.weight() == read_program({})->lines.weight());
  CHECK(read_program({.code = sequence(0)})->lines.find(8) == nullptr);
  CHECK(read_program({.code = at_address(0x1000) + copy + kEnd})->lines.find(0x1000) == nullptr);
  CHECK(read_program({.code = kEnd + kEnd})->lines.find(0) == nullptr);
  CHECK(read_program({.code = at_address(0x2000) + copy + at_address(0x1000) + kEnd})->lines.find(0x1000) == nullptr);
  // Rows that go backwards are put in order.
  std::string back = at_address(0x1008) + copy + at_address(0x1000) +
                     std::string(DwarfBytes().u8(DW_LNS_advance_line).u8(1)) + copy + at_address(0x1010) + kEnd;
  auto read = read_program({.code = back});
  CHECK(line_at(*read, 0x1000) == 2);
  CHECK(line_at(*read, 0x1008) == 1);
}

TEST_CASE("DWARF lines: lines and addresses that wrap around") {
  // The largest number that has a sign, then three more, and five less than the smallest.
  std::string largest = DwarfBytes().u8(DW_LNS_advance_line).u8(0xfe).bytes(std::string(8, '\xff')).u8(0);
  std::string lines =
      at_address(0x1000) + largest + std::string(DwarfBytes().u8(13 + 14 + 8).u8(13 + 14)) + at_address(0x1010) + kEnd;
  CHECK(read_program({.code = lines})->lines.find(0x1001) != nullptr);
  std::string addresses = at_address(UINT64_MAX - 4) + static_cast<char>(DW_LNS_copy) +
                          std::string(DwarfBytes().u8(DW_LNS_advance_pc).uleb(16)) + kEnd;
  CHECK(read_program({.code = addresses})->lines.find(UINT64_MAX) == nullptr);
  // Every opcode is a special one; there is no line 0.
  std::string special(1, '\x7f');
  CHECK(read_program({.opcode_base = 0, .code = special + sequence(0x1000)})->lines.find(0x1000) == nullptr);
  CHECK_FALSE(read_program({.opcode_base = 255, .code = sequence(0x1000)})->lines.empty());
}

TEST_CASE("DWARF lines: no more than eight million rows are kept") {
  // A special opcode that adds 1 to the line and 1 to the address.
  std::string code = at_address(0x1000) + std::string(8'000'010, static_cast<char>(13 + 14 + 6)) + kEnd;
  auto read = read_program({.code = sequence(0x800) + code});
  CHECK(line_at(*read, 0x808) == 1);
  CHECK(read->lines.find(0x1001) == nullptr);  // its sequence has no end
}

TEST_CASE("DWARF lines: of sequences that overlap a few are tried") {
  auto found = [](size_t others) {
    std::string code =
        at_address(0x1000) + std::string(DwarfBytes().u8(DW_LNS_copy).u8(DW_LNS_advance_pc).uleb(0x10000)) + kEnd;
    for (uint64_t i = 0; i < others; ++i) code += sequence(0x2000 + 16 * i);
    return read_program({.code = code})->lines.find(0x9000) != nullptr;
  };
  CHECK(found(15));
  CHECK_FALSE(found(16));
}
