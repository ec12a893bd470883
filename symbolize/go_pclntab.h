// Names of Go functions from the table that the runtime itself uses and that no strip removes: runtime.pclntab,
// src/runtime/symtab.go and src/internal/abi/symtab.go, layouts of Go 1.2, 1.16, 1.18 and 1.20 and later.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "symbolize/elf_file.h"
#include "symbolize/symbol_table.h"

namespace ec {

class GoFunctions {
 public:
  // Nothing when the file has no such table or one of an unknown layout. Reads the index of functions only; names are
  // read when asked for.
  static std::optional<GoFunctions> find(std::shared_ptr<const ElfFile> elf);

  size_t size() const { return count_; }
  std::optional<FoundSymbol> find(uint64_t address) const;

 private:
  GoFunctions() = default;
  bool read_header();
  uint64_t entry_of(size_t index) const;
  std::optional<uint64_t> word(uint64_t offset, size_t size) const;

  std::shared_ptr<const ElfFile> elf_;
  uint64_t table_offset_ = 0, table_size_ = 0, table_address_ = 0;  // of pclntab, in the file and in memory
  uint64_t names_ = 0, functions_ = 0;                              // offsets within pclntab
  uint64_t text_ = 0;                                               // 1.18 and later: what entries count from
  size_t pointer_size_ = 8, field_size_ = 8, count_ = 0;
  bool relative_ = false;
  std::string index_;  // count_ pairs of (entry, offset of the function) and one last entry
};

}  // namespace ec
