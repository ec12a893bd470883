// A whole ELF file: outline, identity, build information, symbols, debug data, Go tables. The first byte is not used,
// so that seeds stay ELF files.
#include <elf.h>

#include <cstdint>
#include <string>

#include "symbolize/demangle.h"
#include "symbolize/elf_identity.h"
#include "symbolize/go_buildinfo.h"
#include "symbolize/symbolizer.h"
#include "symbolize/unpack.h"

using namespace ec;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  (void)xz_unpacked_size(bytes);
  (void)build_id_of_notes(bytes);
  if (size < 300) (void)demangle(bytes);
  auto elf = ElfFile::open(ByteSource("input", bytes));
  if (!elf) return 0;
  (void)elf_identity(*elf);
  (void)go_buildinfo(*elf);
  (void)find_text(*elf, {"1", "nginx/"}, 1u << 20);
  for (const ElfSection& section : elf->sections()) (void)elf->contents(section, 1u << 20);
  Symbolizer symbolizer(-1);
  uint32_t module = symbolizer.add_module({"input", 0, 0, 0, -1, bytes});
  (void)symbolizer.build_id(module);
  for (uint64_t address :
       {uint64_t{0}, elf->entry(), elf->entry() + 0x100, uint64_t{0x1000}, uint64_t{0x401000}, UINT64_MAX})
    (void)symbolizer.name(module, address);
  for (const ElfSection& section : elf->sections()) (void)symbolizer.name(module, section.address + section.size / 2);
  return 0;
}
