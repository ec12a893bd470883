// Addresses to names. One Symbolizer per target: it keeps each module's sorted symbol table, built on first use from
// .symtab, .dynsym, .gnu_debugdata, a separate debug file or Go's pclntab. The files are the target's and may be
// corrupt or change while we read: everything is read with pread(2) into memory and checked, nothing is mapped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "symbolize/debug_file.h"
#include "symbolize/source_frame.h"

namespace ec {

struct ModuleFile {
  std::string path;  // as the target sees it; used for debug files beside it
  uint64_t device_major = 0, device_minor = 0, inode = 0;
  int fd = -1;        // readable, dup'ed by the callee; -1 none
  std::string bytes;  // owned image when fd < 0, e.g. the vdso
};

struct SymbolName {
  std::string name;     // "" = unknown
  uint64_t offset = 0;  // of the address from the start of the function
  std::string reason;   // why name is empty
};

struct SourcePlace {
  std::vector<SourceFrame> frames;  // innermost first, the last one not inlined; empty = unknown
  std::string reason;               // why frames is empty, or a function is without its own name
};

// The same without copies, valid until the Symbolizer is asked again.
struct SourcePlaceView {
  const std::vector<SourceFrameView>& frames;
  std::string reason;
};

// Not thread-safe.
class Symbolizer {
 public:
  // `target_root_fd`: directory that is the target's root, for separate debug files; -1 = the host's only. Not owned:
  // it must stay open as long as the Symbolizer lives. `debug_directories` as in DebugPlaces.
  // Names are as in the file when they are not to be demangled.
  explicit Symbolizer(int target_root_fd, std::vector<std::string> debug_directories = {}, bool demangled = true);
  explicit Symbolizer(DebugPlaces places, bool demangled = true);
  Symbolizer(Symbolizer&&) noexcept;
  Symbolizer& operator=(Symbolizer&&) noexcept;
  ~Symbolizer();

  // Parsed lazily on first use. Ids count from 0. The duplicate stays open: names are read when they are asked for.
  uint32_t add_module(ModuleFile file);
  // Hex, "" = none.
  std::string build_id(uint32_t module);
  // `elf_address` as in the ELF file (pc - load bias). For a return address the caller subtracts 1.
  SymbolName name(uint32_t module, uint64_t elf_address);
  // Line and inlined functions of the same address, from Go's pclntab or from DWARF in the file or its debug file.
  SourcePlace source(uint32_t module, uint64_t elf_address);
  SourcePlaceView look(uint32_t module, uint64_t elf_address);
  // The separate debug file that answers came from so far, "" = none.
  std::string debug_file(uint32_t module) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ec
