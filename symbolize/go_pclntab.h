// Names, lines and inlined calls of Go functions from the table that the runtime itself uses and that no strip removes:
// runtime.pclntab, src/runtime/symtab.go and src/internal/abi/symtab.go, layouts of Go 1.2, 1.16, 1.18 and 1.20 and
// later.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "symbolize/elf_file.h"
#include "symbolize/source_frame.h"
#include "symbolize/symbol_table.h"

namespace ec {

class GoFunctions {
 public:
  // Nothing when the file has no such table or one of an unknown layout. Reads the index of functions only; names are
  // read when asked for.
  static std::optional<GoFunctions> find(std::shared_ptr<const ElfFile> elf);

  size_t size() const { return count_; }
  std::optional<FoundSymbol> find(uint64_t address) const;
  // Innermost first, the last one not inlined; empty when no function covers the address. What was inlined is known for
  // files with a module data record at its usual place (Go 1.18 and later, or a symbol for it).
  std::vector<SourceFrame> source(uint64_t address) const;

 private:
  // A _func record, whatever its layout.
  struct Function {
    uint64_t entry = 0, name = 0;          // name: offset among the names
    uint32_t files = 0, lines = 0;         // tables, offsets in pctab
    uint32_t unit = 0;                     // first index in the table of files' offsets
    std::optional<uint32_t> inline_table;  // pcdata: address to index in the tree
    std::optional<uint64_t> inline_tree;   // its address in memory
  };
  GoFunctions() = default;
  bool read_header();
  void find_inline_base();
  std::optional<size_t> index_of(uint64_t address) const;
  std::optional<Function> function_at(size_t index) const;
  std::optional<int64_t> value_at(const Function& function, uint32_t table, uint64_t address) const;
  std::string name_at(uint64_t offset) const;
  std::string file_of(const Function& function, int64_t number) const;
  uint64_t entry_of(size_t index) const;
  std::optional<uint64_t> word(uint64_t offset, size_t size) const;

  std::shared_ptr<const ElfFile> elf_;
  uint64_t table_offset_ = 0, table_size_ = 0, table_address_ = 0;  // of pclntab, in the file and in memory
  uint64_t names_ = 0, functions_ = 0;                              // offsets within pclntab
  uint64_t units_ = 0, files_ = 0, tables_ = 0;                     // the same: cutab, filetab, pctab
  uint64_t text_ = 0;                                               // 1.18 and later: what entries count from
  std::optional<uint64_t> inline_base_;                             // 1.18 and later: address of go.func.*
  uint32_t magic_ = 0, quantum_ = 1;
  size_t pointer_size_ = 8, field_size_ = 8, count_ = 0;
  bool relative_ = false;
  std::string index_;  // count_ pairs of (entry, offset of the function) and one last entry
};

}  // namespace ec
