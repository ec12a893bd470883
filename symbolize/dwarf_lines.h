// The line table of one unit: .debug_line, DWARF 5, section 6.2; versions 2 to 5. Private to symbolize/.
#pragma once

#include <string>
#include <vector>

#include "symbolize/dwarf_unit.h"

namespace ec {

struct LineRow {
  uint64_t address;  // up to that of the next row of its sequence
  uint32_t line;     // 0: none
  uint16_t column;   // 0: none; larger ones are 65535
  uint16_t file;     // as in the program
};

class DwarfLines {
 public:
  // Of `unit`, in the section of the image (its own, or that of its skeleton). Empty when there is none or it is
  // damaged; up to the damage when only the program is. With `rows` false only the names of files are read.
  void read(DwarfUnit& unit, DwarfImage& image, uint64_t offset, bool rows);

  bool empty() const { return files_.empty(); }
  // Null: no row covers it.
  const LineRow* find(uint64_t address) const;
  // With its directory; relative to the one it was compiled in when that is relative. "" when there is no such file.
  // Valid as long as this object.
  const std::string& file(uint64_t index);
  size_t weight() const { return rows_.size() * sizeof(LineRow) + files_.size() * sizeof(File) + header_.size(); }

 private:
  struct File {
    DwarfValue name;
    uint64_t folder;
    std::string path;
    bool built = false;
  };
  struct Sequence {
    uint64_t low, high;  // [low, high)
    uint32_t first, count;
  };
  struct Program;
  struct Column {
    uint64_t content, form;
  };
  bool read_header(std::string_view bytes, Program& program);
  bool read_old_tables(DwarfCursor& cursor);
  bool read_new_tables(DwarfCursor& cursor, DwarfFormat format);
  bool read_new_table(DwarfCursor& cursor, DwarfFormat format, bool files);
  void run(const Program& program);
  void end_sequence(size_t first, uint64_t end);
  std::string folder_path(uint64_t index);

  DwarfUnit* unit_ = nullptr;
  DwarfImage* image_ = nullptr;
  bool version_5_ = false;
  std::string header_;  // the names are in it
  std::vector<DwarfValue> folders_;
  std::vector<File> files_;
  std::vector<LineRow> rows_;
  std::vector<Sequence> sequences_;
};

}  // namespace ec
