// What is read of a core file before anything is unwound: header, table, notes, address space. The input is a core
// file, or notes alone.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "collector/target/core_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ec;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto header = parse_core_header("core", bytes);
  if (!header) {
    (void)core_address_space({}, parse_core_notes(bytes));
    return 0;
  }
  CoreLayout layout = parse_core_layout(bytes.substr(std::min<uint64_t>(size, header->table_offset)));
  CoreNotes notes = parse_core_notes(bytes.substr(std::min<uint64_t>(size, layout.notes_offset)));
  AddressSpace space = core_address_space(layout.segments, notes);
  uint64_t reached = 0;
  for (const Region& region : space.regions) {
    if (region.begin < reached || region.end <= region.begin || region.name >= space.names.size()) __builtin_trap();
    reached = region.end;
  }
  return 0;
}
