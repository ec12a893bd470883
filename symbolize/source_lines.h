// Addresses to source lines and inlined functions, from DWARF 2 to 5 (.debug_info, .debug_line; DWARF standard,
// sections 3.3.8 and 6.2). Units are found by walking all of them, because compilers other than GCC leave
// .debug_aranges out; a unit is read when the first address in it is asked for. The files are hostile: everything is
// read with pread(2) and checked, nothing is mapped. What is kept of one file stays below about 64 MiB and its largest
// unit, compressed sections not counted.
//
// Of libdw, which did this before, 60 % of the time went into what is not needed for lines, and memory grew with the
// file.
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
  // Errors: not_found when there is no debug information; unsupported for a compression that cannot be read; skipped
  // when compressed sections would unpack to more than 256 MiB; malformed.
  static Result<SourceLines> open(const std::shared_ptr<const ElfFile>& file, const DebugPlaces& places,
                                  bool demangled = true);

  SourceLines(SourceLines&&) noexcept;
  SourceLines& operator=(SourceLines&&) noexcept;
  ~SourceLines();

  // Innermost first; the last one is not inlined. Empty when no unit knows the address. For a return address the caller
  // subtracts 1. Valid until the next call. Fastest when addresses come in order.
  const std::vector<SourceFrameView>& look(uint64_t elf_address);
  std::vector<SourceFrame> find(uint64_t elf_address);
  // What was needed for the answers so far and is not here: why functions may be without names. "" = nothing.
  std::string missing() const;

 private:
  struct State;
  explicit SourceLines(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ec
