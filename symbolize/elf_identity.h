// What kind of program an ELF file is, and text that it carries.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "symbolize/elf_file.h"

namespace ec {

struct ElfIdentity {
  std::string build_id;     // hex, "" = none
  std::string interpreter;  // PT_INTERP, "" = none
  std::string machine;      // "x86-64", "AArch64", "machine 243"
  bool is_64_bit = true;
  bool stripped = false;              // no .symtab
  bool position_independent = false;  // ET_DYN
  bool static_linked = false;         // no interpreter: nothing is linked when it starts
  bool has_debug_info = false;        // .debug_info, compressed or not
};
ElfIdentity elf_identity(const ElfFile& elf);

// Text in read-only data.
struct FoundText {
  uint64_t offset = 0;    // in the file
  std::string text;       // from the needle on to the first byte that is not printable ASCII, at most 200 bytes
  bool at_start = false;  // the needle begins the string, rather than standing within a sentence
};
// The first few places of each needle in .rodata (without one: in read-only segments), at most `limit` bytes searched.
// A place counts when an ASCII digit follows the needle. Each needle gives at most `most_each` different texts. Those
// that begin a string come first: "upgrading to PostgreSQL 9.1" is in every PostgreSQL.
std::vector<FoundText> find_text(const ElfFile& elf, const std::vector<std::string_view>& needles, uint64_t limit,
                                 size_t most_each = 4);
// Same, in bytes. Appends.
void find_text_in(std::string_view bytes, uint64_t base_offset, const std::vector<std::string_view>& needles,
                  size_t most_each, std::vector<FoundText>& found);

}  // namespace ec
