// The content of .gnu_debugdata: an xz stream with an ELF file in it that has a symbol table.
#include <elf.h>

#include <cstdint>
#include <memory>
#include <string>

#include "symbolize/symbol_table.h"
#include "symbolize/unpack.h"

using namespace ec;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  (void)xz_unpacked_size(bytes);
  auto image = unpack_xz(bytes, uint64_t{1} << 20);
  auto elf = ElfFile::open(ByteSource("inner", image ? std::move(*image) : std::move(bytes)));
  if (!elf) return 0;
  SymbolTable symbols;
  symbols.add(std::make_shared<const ElfFile>(std::move(*elf)), SHT_SYMTAB);
  symbols.sort();
  for (uint64_t address : {uint64_t{0}, uint64_t{0x1000}, uint64_t{0x401000}, UINT64_MAX}) (void)symbols.find(address);
  return 0;
}
