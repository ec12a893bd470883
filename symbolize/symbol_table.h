// Function and data symbols of a module, from one or more ELF files, sorted once. An entry is 24 bytes and holds no
// text: a name is read from the file when it is asked for, so that a table of a million symbols costs one read and one
// sort.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "symbolize/elf_file.h"

namespace ec {

struct FoundSymbol {
  std::string name;  // as in the file, without version ("@GLIBC_2.34")
  uint64_t address = 0;
  uint64_t size = 0;  // 0: it has none; it reaches to the next symbol
};

// Not thread-safe.
class SymbolTable {
 public:
  // Adds the symbols of the file's section of this type (SHT_SYMTAB, SHT_DYNSYM). The file is kept for the names.
  // Returns how many were taken.
  size_t add(std::shared_ptr<const ElfFile> file, uint32_t section_type);
  // After the last add(), before the first find().
  void sort();

  size_t size() const { return entries_.size(); }
  // The innermost symbol that covers the address. Of several at one address: functions before data before untyped,
  // not local before local, then fewest leading underscores ("write" before "__write"), then the longest.
  std::optional<FoundSymbol> find(uint64_t address) const;

 private:
  struct Entry {
    uint64_t address;
    uint32_t size;     // sizes over 4 GiB are cut
    uint32_t name;     // offset in the string table
    uint32_t section;  // of its file; becomes unused after sort()
    uint8_t file;      // index into files_
    uint8_t rank;      // smaller is better
    uint8_t untyped;   // may be a mapping symbol
    uint8_t sizeless;
  };
  struct File {
    std::shared_ptr<const ElfFile> elf;
    uint64_t names_offset = 0, names_size = 0;
    std::string names;  // when the string table had to be unpacked
  };
  template <class Symbol>
  void take(const File& file, uint8_t file_index, std::string_view bytes);
  std::string name_of(const Entry& entry) const;
  std::optional<FoundSymbol> best_of(size_t begin, size_t end) const;

  std::vector<File> files_;
  std::vector<Entry> entries_;
  // What best_of() said last: neighbours are asked for one after the other.
  mutable size_t last_group_ = SIZE_MAX;
  mutable std::optional<FoundSymbol> last_;
};

}  // namespace ec
