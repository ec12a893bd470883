#include "symbolize/dwarf_lines.h"

#include <dwarf.h>

#include <algorithm>
#include <array>

namespace ec {

namespace {

constexpr uint64_t kLargestProgram = 256u << 20;
constexpr size_t kMostRows = 8'000'000, kMostFiles = 200'000;
constexpr size_t kMostCandidates = 16;  // sequences that overlap
const std::string kNothing;

bool is_absolute(std::string_view path) { return path.starts_with('/'); }

}  // namespace

struct DwarfLines::Program {
  DwarfFormat format;
  uint8_t instruction_size = 1, operations = 1, line_range = 1, opcode_base = 1;
  int8_t line_base = 0;
  std::array<uint8_t, 256> operands{};  // of standard opcodes
  std::string_view code;
};

bool DwarfLines::read_header(std::string_view bytes, Program& program) {
  DwarfCursor cursor(bytes);
  DwarfFormat& format = program.format;
  format = unit_->header.format;
  uint64_t length = cursor.u32();
  format.offset_size = length == 0xffffffffu ? 8 : 4;
  if (format.offset_size == 8) length = cursor.u64();
  std::string_view rest = bytes.substr(cursor.offset(), length);
  cursor = DwarfCursor(rest);
  format.version = cursor.u16();
  if (format.version < 2 || format.version > 5) return false;
  version_5_ = format.version >= 5;
  if (version_5_) {
    format.address_size = cursor.u8();
    cursor.skip(1);  // size of a segment selector
  }
  uint64_t header_length = cursor.number(format.offset_size);
  size_t after_length = cursor.offset();
  if (!cursor.ok() || header_length > rest.size() - after_length) return false;
  program.code = rest.substr(after_length + header_length);
  program.instruction_size = cursor.u8();
  if (format.version >= 4) program.operations = cursor.u8();
  cursor.skip(1);  // default_is_stmt
  program.line_base = static_cast<int8_t>(cursor.u8());
  program.line_range = cursor.u8();
  program.opcode_base = cursor.u8();
  for (unsigned i = 1; i < program.opcode_base; ++i) program.operands[i] = cursor.u8();
  if (!cursor.ok() || program.line_range == 0) return false;
  // The names stay: a copy of the header alone.
  header_ = rest.substr(0, after_length + header_length);
  DwarfCursor tables(header_, cursor.offset());
  return version_5_ ? read_new_tables(tables, format) : read_old_tables(tables);
}

bool DwarfLines::read_old_tables(DwarfCursor& cursor) {
  folders_.push_back({});  // 0 is where it was compiled
  while (cursor.ok() && folders_.size() < kMostFiles) {
    std::string_view name = cursor.text();
    if (name.empty()) break;
    folders_.push_back({DW_FORM_string, 0, name});
  }
  files_.push_back({});  // 0 is none
  while (cursor.ok() && files_.size() < kMostFiles) {
    std::string_view name = cursor.text();
    if (name.empty()) break;
    uint64_t folder = cursor.uleb();
    cursor.uleb();  // time
    cursor.uleb();  // size
    files_.push_back({{DW_FORM_string, 0, name}, folder, {}, false});
  }
  return cursor.ok();
}

bool DwarfLines::read_new_tables(DwarfCursor& cursor, DwarfFormat format) {
  return read_new_table(cursor, format, false) && read_new_table(cursor, format, true);
}

bool DwarfLines::read_new_table(DwarfCursor& cursor, DwarfFormat format, bool files) {
  std::array<Column, 256> columns;
  size_t count = cursor.u8();
  for (size_t i = 0; i < count; ++i) {
    columns[i].content = cursor.uleb();
    columns[i].form = cursor.uleb();
  }
  uint64_t rows = cursor.uleb();
  // Without columns a row takes no bytes.
  if (!cursor.ok() || rows > kMostFiles || (count == 0 && rows > 0)) return false;
  for (uint64_t row = 0; row < rows; ++row) {
    File file{};
    for (size_t i = 0; i < count; ++i) {
      uint16_t form = columns[i].form > UINT16_MAX ? uint16_t{0} : static_cast<uint16_t>(columns[i].form);
      DwarfValue value = read_value(cursor, form, 0, format);
      if (columns[i].content == DW_LNCT_path) file.name = value;
      if (columns[i].content == DW_LNCT_directory_index) file.folder = value.number;
    }
    if (!cursor.ok()) return false;
    if (files)
      files_.push_back(std::move(file));
    else
      folders_.push_back(file.name);
  }
  return true;
}

void DwarfLines::read(DwarfUnit& unit, DwarfImage& image, uint64_t offset, bool rows) {
  unit_ = &unit;
  image_ = &image;
  DwarfCursor length_of(image.line.at(offset, 12));
  uint64_t length = length_of.u32();
  if (length == 0xffffffffu) length = length_of.u64();
  if (!length_of.ok() || length > kLargestProgram) return;
  std::string bytes = image.line.copy(offset, length_of.offset() + length);
  Program program;
  if (!read_header(bytes, program)) {
    folders_.clear();
    files_.clear();
    return;
  }
  if (!rows) return;
  run(program);
  rows_.shrink_to_fit();
  std::sort(sequences_.begin(), sequences_.end(), [](const Sequence& a, const Sequence& b) { return a.low < b.low; });
}

void DwarfLines::run(const Program& program) {
  struct Advance {
    uint32_t address;
    int32_t line;
  };
  std::array<Advance, 256> special{};
  for (unsigned opcode = program.opcode_base; opcode < 256; ++opcode) {
    unsigned adjusted = opcode - program.opcode_base;
    special[opcode] = {adjusted / program.line_range * program.instruction_size,
                       program.line_base + static_cast<int32_t>(adjusted % program.line_range)};
  }
  // VLIW machines, which count operations inside an instruction, are not ours: `operations` is taken as 1.
  uint32_t constant_advance = (255u - program.opcode_base) / program.line_range * program.instruction_size;
  uint64_t address = 0, file = 1, line = 1, column = 0;
  size_t first = 0;
  auto add_row = [&] {
    LineRow row{address, static_cast<uint32_t>(line), static_cast<uint16_t>(std::min<uint64_t>(column, UINT16_MAX)),
                static_cast<uint16_t>(std::min<uint64_t>(file, UINT16_MAX))};
    if (rows_.size() > first) {
      LineRow& last = rows_.back();
      if (last.address == address) {
        last = row;  // the last one at an address counts
        return;
      }
      if (last.line == row.line && last.column == row.column && last.file == row.file && last.address < address) return;
    }
    rows_.push_back(row);
  };
  DwarfCursor cursor(program.code);
  while (!cursor.at_end() && rows_.size() < kMostRows) {
    uint8_t opcode = cursor.u8();
    if (opcode >= program.opcode_base) {
      address += special[opcode].address;
      line += static_cast<uint64_t>(int64_t{special[opcode].line});  // may be negative, and may wrap
      add_row();
      continue;
    }
    switch (opcode) {
      case 0: {
        uint64_t length = cursor.uleb();
        std::string_view operand = cursor.block(length);
        if (!cursor.ok() || operand.empty()) break;
        DwarfCursor inner(operand, 1);
        if (operand[0] == DW_LNE_end_sequence) {
          end_sequence(first, address);
          first = rows_.size();
          address = column = 0;
          file = line = 1;
        } else if (operand[0] == DW_LNE_set_address) {
          address = inner.number(operand.size() - 1);
        } else if (operand[0] == DW_LNE_define_file && files_.size() < kMostFiles) {
          // Its name would be lost with the program; no compiler writes this.
          files_.push_back({});
        }
        break;
      }
      case DW_LNS_copy:
        add_row();
        break;
      case DW_LNS_advance_pc:
        address += cursor.uleb() * program.instruction_size;
        break;
      case DW_LNS_advance_line:
        line += static_cast<uint64_t>(cursor.sleb());
        break;
      case DW_LNS_set_file:
        file = cursor.uleb();
        break;
      case DW_LNS_set_column:
        column = cursor.uleb();
        break;
      case DW_LNS_const_add_pc:
        address += constant_advance;
        break;
      case DW_LNS_fixed_advance_pc:
        address += cursor.u16();
        break;
      default:
        for (unsigned i = 0; i < program.operands[opcode]; ++i) cursor.uleb();
        break;
    }
  }
  rows_.resize(first);  // a sequence without an end
}

void DwarfLines::end_sequence(size_t first, uint64_t end) {
  auto begin = rows_.begin() + static_cast<ptrdiff_t>(first);
  auto by_address = [](const LineRow& a, const LineRow& b) { return a.address < b.address; };
  if (!std::is_sorted(begin, rows_.end(), by_address)) std::stable_sort(begin, rows_.end(), by_address);
  // The linker sets the addresses of code that it left out to 0.
  if (begin == rows_.end() || begin->address == 0 || begin->address >= end) {
    rows_.erase(begin, rows_.end());
    return;
  }
  sequences_.push_back(
      {begin->address, end, static_cast<uint32_t>(first), static_cast<uint32_t>(rows_.size() - first)});
}

const LineRow* DwarfLines::find(uint64_t address) const {
  auto after = std::upper_bound(sequences_.begin(), sequences_.end(), address,
                                [](uint64_t value, const Sequence& sequence) { return value < sequence.low; });
  for (size_t tried = 0; after != sequences_.begin() && tried < kMostCandidates; ++tried) {
    --after;
    if (address >= after->high) continue;
    const LineRow* first = rows_.data() + after->first;
    const LineRow* row =
        std::upper_bound(first, first + after->count, address,
                         [](uint64_t value, const LineRow& candidate) { return value < candidate.address; });
    return row - 1;
  }
  return nullptr;
}

std::string DwarfLines::folder_path(uint64_t index) {
  std::string_view at = unit_->compiled_in;
  if (index >= folders_.size() || (index == 0 && !version_5_)) return std::string(at);
  std::string folder(image_->text_of(folders_[index]));
  if (is_absolute(folder) || at.empty()) return folder;
  // In version 5 the first one is where it was compiled, and the others count from it.
  if (index == 0 || folder.empty()) return std::string(at);
  return std::string(at) + "/" + folder;
}

const std::string& DwarfLines::file(uint64_t index) {
  if (index >= files_.size() || files_[index].name.form == 0) return kNothing;
  File& file = files_[index];
  if (file.built) return file.path;
  file.built = true;
  file.path = image_->text_of(file.name);
  if (file.path.empty() || is_absolute(file.path)) return file.path;
  std::string folder = folder_path(file.folder);
  if (!folder.empty()) file.path = folder + "/" + file.path;
  return file.path;
}

}  // namespace ec
