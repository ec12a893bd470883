// An open file with debug information, as libdw wants it. Private to symbolize/.
#pragma once

#include <elfutils/libdw.h>
#include <libelf.h>

#include <memory>
#include <string>

#include "symbolize/debug_file.h"
#include "symbolize/elf_file.h"

namespace ec {

class DwarfFile {
 public:
  // Errors: those of SourceLines::open().
  static Result<DwarfFile> open(std::shared_ptr<const ElfFile> file, const DebugPlaces& places);
  Dwarf* get() const { return dwarf_.get(); }
  // Of the file of dwz(1) that is needed and not here, "" = none.
  const std::string& missing_alt() const { return missing_alt_; }

 private:
  struct End {
    void operator()(Elf* elf) const { elf_end(elf); }
    void operator()(Dwarf* dwarf) const { dwarf_end(dwarf); }
  };
  struct Part {
    std::shared_ptr<const ElfFile> file;  // keeps the descriptor
    std::unique_ptr<std::string> image;   // of a file in memory; libelf may write to it
    std::unique_ptr<Elf, End> elf;
  };
  static Result<Part> open_part(std::shared_ptr<const ElfFile> file);

  // In this order: what is used by what comes after it.
  Part alt_part_, part_;
  std::unique_ptr<Dwarf, End> alt_, dwarf_;
  std::string missing_alt_;
};

}  // namespace ec
