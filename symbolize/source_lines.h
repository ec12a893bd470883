// Addresses to source lines and inlined functions, from DWARF 4 and 5 (.debug_info, .debug_line; DWARF standard,
// sections 3.3.8 and 6.2), read with libdw. Units are found by walking all of them, because compilers other than GCC
// leave .debug_aranges out; a unit's lines and functions are read when the first address in it is asked for.
//
// libdw maps the file and trusts it more than the rest of symbolize/ does: what reads the files of a target runs in a
// helper process that may crash or be killed.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "symbolize/debug_file.h"
#include "symbolize/elf_file.h"
#include "symbolize/source_frame.h"

namespace ec {

// Not thread-safe.
class SourceLines {
 public:
  // `file`: the module itself or its separate debug file. `places`: for the file that dwz(1) moved common parts to.
  // Errors: not_found when there is no debug information; unsupported for a compression that libdw cannot read; skipped
  // when compressed sections would unpack to more than 256 MiB; malformed.
  static Result<SourceLines> open(std::shared_ptr<const ElfFile> file, const DebugPlaces& places,
                                  bool demangled = true);

  SourceLines(SourceLines&&) noexcept;
  SourceLines& operator=(SourceLines&&) noexcept;
  ~SourceLines();

  // Innermost first; the last one is not inlined. Empty when no unit knows the address. For a return address the caller
  // subtracts 1.
  std::vector<SourceFrame> find(uint64_t elf_address);
  // What was needed for the answers so far and is not here: why functions may be without names. "" = nothing.
  std::string missing() const;

 private:
  struct State;
  explicit SourceLines(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ec
