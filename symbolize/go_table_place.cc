#include "symbolize/go_table_place.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace ec {

namespace {

constexpr uint64_t kAlignment = 32;  // the linker's for this table
constexpr uint64_t kAtOnce = 1u << 20, kMostSearched = 1u << 30;
constexpr uint64_t kMostFunctions = 1'000'000;

// Magic of Go 1.16, 1.18 or 1.20, two zeros, unit of instructions, size of a pointer; then counts and offsets. The
// field before the offsets is an address since 1.18.
bool begins_table(std::string_view head, uint64_t room) {
  std::array<uint64_t, 8> fields;
  if (head.size() < 8 + sizeof fields) return false;
  if (static_cast<uint8_t>(head[0]) < 0xf0 || head.substr(1, 3) != "\xff\xff\xff") return false;
  uint8_t kind = static_cast<uint8_t>(head[0]);
  if (kind != 0xfa && kind != 0xf0 && kind != 0xf1) return false;
  if (head[4] != 0 || head[5] != 0 || head[6] < 1 || head[6] > 4 || head[7] != 8) return false;
  std::memcpy(fields.data(), head.data() + 8, sizeof fields);
  if (fields[0] == 0 || fields[0] > kMostFunctions) return false;
  size_t last = kind == 0xfa ? 6 : 7;
  for (size_t i = kind == 0xfa ? 3 : 4; i <= last; ++i)
    if (fields[i] <= fields[i - 1] || fields[i] >= room) return false;
  return true;
}

}  // namespace

std::optional<GoTablePlace> find_go_table(const ElfFile& elf) {
  for (const char* name : {".gopclntab", ".data.rel.ro.gopclntab"})
    if (const ElfSection* section = elf.section(name)) {
      if (section->type == SHT_NOBITS || (section->flags & SHF_COMPRESSED)) return std::nullopt;
      return GoTablePlace{section->offset, section->address, section->size};
    }
  const ElfSection* section = elf.section(".go.buildinfo") ? elf.section(".data.rel.ro") : nullptr;
  if (section == nullptr || section->type == SHT_NOBITS) return std::nullopt;
  std::string bytes;
  uint64_t end = std::min(section->size, kMostSearched), at = (0 - section->address) % kAlignment;
  for (; at < end; at += kAtOnce) {
    // Each part holds the head of a table that begins at its end, too.
    if (!elf.source().read_some(section->offset + at, std::min(kAtOnce + 128, end - at), bytes)) break;
    for (uint64_t i = 0; i < std::min<uint64_t>(kAtOnce, bytes.size()); i += kAlignment)
      if (begins_table(std::string_view(bytes).substr(i), end - at - i))
        return GoTablePlace{section->offset + at + i, section->address + at + i, end - at - i};
  }
  return std::nullopt;
}

}  // namespace ec
