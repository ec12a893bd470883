// How large the frame of a Go function is at each of its instructions, and where it begins: what Go's own traceback
// reads from runtime.pclntab, which no strip removes. src/runtime/symtab.go (pcvalue, funcInfo) and
// src/cmd/internal/obj/pcln.go, layouts of Go 1.2, 1.16, 1.18 and 1.20 and later, 64 bits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "symbolize/elf_file.h"

namespace ec {

// The value that a table of pairs (change of value, length of code) holds for `target`; `entry` is where the function
// begins and `quantum` the unit of lengths (1 on x86-64). `table` may go on behind its end. Nothing when the table ends
// before `target`.
std::optional<int32_t> go_pc_value(std::string_view table, uint64_t entry, uint64_t target, unsigned quantum);

// A whole table in memory. Addresses are those of the ELF file.
class GoPcTable {
 public:
  struct Function {
    uint64_t entry = 0, end = 0;
    std::string_view name;              // into the table
    uint32_t frame_sizes = 0;           // offset of its table of frame sizes; 0 = it has none
    uint8_t kind = 0;                   // runtime.funcID; its numbers differ between versions; 0 = an ordinary one
    bool begins_a_stack = false;        // nothing called it (runtime.goexit, runtime.mstart …)
    bool writes_stack_pointer = false;  // in a way that the table of sizes does not know (Go 1.17 and later tell)
  };

  // `text`: what entries count from since Go 1.18. Nothing for bytes of another layout.
  static std::optional<GoPcTable> parse(std::string bytes, uint64_t text);
  // From a file; nothing when it has no such table, one of an unknown layout, or one over 128 MiB.
  static std::optional<GoPcTable> find(const ElfFile& elf);

  size_t size() const { return count_; }
  std::optional<Function> at(uint64_t address) const;
  std::optional<Function> named(std::string_view name) const;
  // Bytes between the stack pointer and the return address when the next instruction is at `address`.
  std::optional<uint32_t> frame_size(const Function& function, uint64_t address) const;

 private:
  GoPcTable() = default;
  bool read_header(uint64_t text);
  std::optional<uint64_t> load(uint64_t offset, size_t size) const;
  uint64_t entry_of(size_t index) const;
  std::optional<Function> function(size_t index) const;

  std::string bytes_;
  uint64_t names_ = 0, tables_ = 0, functions_ = 0, index_ = 0;  // offsets in bytes_
  uint64_t text_ = 0;
  size_t field_size_ = 8, count_ = 0, flag_ = 0;  // flag_: offset of the flags in a function's record, 0 = none
  unsigned quantum_ = 1;
};

}  // namespace ec
