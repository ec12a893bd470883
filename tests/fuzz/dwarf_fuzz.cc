// A whole ELF file with debug information: units, lines, scopes, inlined calls. libdw reads most of it, and trusts it
// more than we do: the collector asks it in a helper process only.
#include <cstdint>
#include <memory>
#include <string>

#include "symbolize/source_lines.h"

using namespace ec;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
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
