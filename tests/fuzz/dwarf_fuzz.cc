// A whole ELF file with debug information: units, lines, scopes, inlined calls, names; and the index of a package of
// split debug information.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "symbolize/dwarf_split.h"
#include "symbolize/source_lines.h"

using namespace ec;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  uint64_t id = 0;
  if (size > sizeof id) {
    std::memcpy(&id, data + size - sizeof id, sizeof id);
    (void)find_in_package({reinterpret_cast<const char*>(data), size}, id);
  }
  auto elf = ElfFile::open(ByteSource("input", std::string(reinterpret_cast<const char*>(data), size)));
  if (!elf) return 0;
  auto file = std::make_shared<const ElfFile>(std::move(*elf));
  auto lines = SourceLines::open(file, {});
  if (!lines) return 0;
  for (const ElfSection& section : file->sections())
    for (uint64_t offset : {uint64_t{0}, uint64_t{5}, section.size / 2, section.size - 1})
      (void)lines->find(section.address + offset);
  (void)lines->find(file->entry());
  return 0;
}
